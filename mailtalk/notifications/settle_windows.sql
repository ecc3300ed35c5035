-- Settle the messages of closing windows: for each participant an open notification about the messages to be mailed,
-- or an ended one for each reason why none is. Users who wrote or are mentioned are judged message by message, all
-- others by their own settings, so that the work grows with participants plus messages, not with their product.
WITH closing AS MATERIALIZED (
    -- the conversations, and the first message of each window
    SELECT c.app_id, c.id AS conversation_id, c.window_from_seq AS from_seq
    FROM unnest(CAST(:apps AS text[]), CAST(:ids AS text[])) AS key (app_id, id)
    JOIN conversations c ON c.app_id = key.app_id AND c.id = key.id),
m AS MATERIALIZED (
    -- the messages that notify
    SELECT m.app_id, m.conversation_id, m.seq, m.type, m.origin, m.sender_id, m.mentions
    FROM closing JOIN messages m USING (app_id, conversation_id) WHERE m.seq >= closing.from_seq AND $notifies),
every AS MATERIALIZED (
    -- their numbers
    SELECT app_id, conversation_id, range_agg(int8range(seq, seq + 1)) AS seqs FROM m GROUP BY app_id, conversation_id),
named AS MATERIALIZED (
    -- the users who wrote or are mentioned
    SELECT app_id, conversation_id, sender_id AS user_id FROM m
    UNION SELECT app_id, conversation_id, unnest(mentions) FROM m),
p AS MATERIALIZED (
    -- the participants: why all messages are not mailed, or all that do not mention them; when a mail may be made
    SELECT p.app_id, p.conversation_id, p.user_id, p.present, p.access, p.notify, p.mute_until, p.read_seq,
        p.mailed_seq, closing.from_seq, named.user_id IS NOT NULL AS is_named,
        $barred_unless_mentioned AS unnamed_reason, $not_before AS not_before,
        EXISTS (SELECT 1 FROM notifications n WHERE n.app_id = p.app_id AND n.conversation_id = p.conversation_id
            AND n.user_id = p.user_id AND n.status = $NotificationStatus.OPEN) AS has_open
    FROM closing JOIN participations p USING (app_id, conversation_id) JOIN apps a ON a.id = p.app_id
    LEFT JOIN named USING (app_id, conversation_id, user_id)
    WHERE $takes_part),
verdict AS (
    -- for each participant the messages of each reason, or of none (mailed): two ranges of numbers for those who are
    -- not named
    SELECT p.app_id, p.conversation_id, p.user_id, p.from_seq, p.not_before, p.has_open, v.reason, v.seqs
    FROM p JOIN every USING (app_id, conversation_id), LATERAL (VALUES
        ($Reason.ALREADY_READ, seqs * int8multirange(int8range(mailed_seq + 1, greatest(mailed_seq, read_seq) + 1))),
        (unnamed_reason, seqs * int8multirange(int8range(greatest(mailed_seq, read_seq) + 1, NULL))))
        AS v (reason, seqs)
    WHERE NOT p.is_named AND NOT isempty(v.seqs)
    UNION ALL
    -- and each message for those who are
    SELECT p.app_id, p.conversation_id, p.user_id, p.from_seq, p.not_before, p.has_open, r.reason,
        range_agg(int8range(m.seq, m.seq + 1))
    FROM p JOIN m ON m.app_id = p.app_id AND m.conversation_id = p.conversation_id AND m.seq > p.mailed_seq,
        LATERAL (SELECT $why_not AS reason) AS r
    WHERE p.is_named
    GROUP BY p.app_id, p.conversation_id, p.user_id, p.from_seq, p.not_before, p.has_open, r.reason),
judged AS MATERIALIZED (
    -- is_told: an open notification, old or new, settles all of them when it is made
    SELECT *, has_open OR bool_or(reason IS NULL) OVER (PARTITION BY app_id, conversation_id, user_id) AS is_told
    FROM verdict),
opened AS (
    -- open notifications
    INSERT INTO notifications (app_id, conversation_id, user_id, from_seq, not_before, created_at)
    SELECT app_id, conversation_id, user_id, from_seq, not_before, :now FROM judged WHERE reason IS NULL
    ON CONFLICT (app_id, conversation_id, user_id) WHERE status = $NotificationStatus.OPEN
        DO UPDATE SET not_before = least(notifications.not_before, excluded.not_before),
            from_seq = least(notifications.from_seq, excluded.from_seq))
-- ended notifications
INSERT INTO notifications
    (app_id, conversation_id, user_id, status, reason, seqs, from_seq, not_before, created_at, ended_at)
SELECT app_id, conversation_id, user_id, $NotificationStatus.CANCELLED, reason, seqs, lower(seqs), :now, :now, :now
FROM judged WHERE NOT is_told
