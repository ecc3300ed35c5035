-- Settle the messages of closing windows: for each participant an open notification about the messages to be mailed,
-- or an ended one for each reason why none is. Users who wrote or are mentioned are judged message by message, all
-- others by their own settings, so that the work grows with participants plus messages, not with their product.
WITH judged AS MATERIALIZED (
    -- LATERAL: each conversation is planned and judged by itself, however many there are
    SELECT closing.app_id, closing.conversation_id, closing.from_seq, verdicts.*
    FROM unnest(CAST(:apps AS text[]), CAST(:ids AS text[]), CAST(:seqs AS bigint[]))
        AS closing (app_id, conversation_id, from_seq)
    CROSS JOIN LATERAL (
        WITH m AS MATERIALIZED (
            -- the messages that notify
            SELECT m.seq, m.type, m.origin, m.sender_id, m.mentions FROM messages m
            WHERE m.app_id = closing.app_id AND m.conversation_id = closing.conversation_id
                AND m.seq >= closing.from_seq AND $notifies),
        every AS (
            -- their numbers
            SELECT range_agg(int8range(seq, seq + 1)) AS seqs FROM m),
        named AS (
            -- users who wrote or are mentioned
            SELECT sender_id AS user_id FROM m UNION SELECT unnest(mentions) FROM m),
        p AS MATERIALIZED (
            -- participants: the reason against messages that do not mention them; the earliest time of a mail
            SELECT p.user_id, p.present, p.access, p.notify, p.mute_until, p.read_seq, p.mailed_seq,
                named.user_id IS NOT NULL AS is_named, $barred_unless_mentioned AS unnamed_reason,
                $not_before AS not_before, $is_digest AS digest,
                EXISTS (SELECT 1 FROM notifications n WHERE n.app_id = p.app_id
                    AND n.conversation_id = p.conversation_id AND n.user_id = p.user_id
                    AND n.status = $NotificationStatus.OPEN
                    OFFSET 0) AS has_open  -- looked up for each, instead of a hash of all that are open in all apps
            FROM participations p JOIN apps a ON a.id = p.app_id LEFT JOIN named ON named.user_id = p.user_id
            WHERE p.app_id = closing.app_id AND p.conversation_id = closing.conversation_id AND $takes_part),
        verdict AS (
            -- per participant the messages of each reason, or of none (mailed); a user in no message has two ranges
            SELECT user_id, not_before, digest, has_open, v.reason, v.seqs FROM p, every, LATERAL (VALUES
                ($Reason.ALREADY_READ,
                    seqs * int8multirange(int8range(mailed_seq + 1, greatest(mailed_seq, read_seq) + 1))),
                (unnamed_reason, seqs * int8multirange(int8range(greatest(mailed_seq, read_seq) + 1, NULL))))
                AS v (reason, seqs)
            WHERE NOT is_named AND NOT isempty(v.seqs)
            UNION ALL
            SELECT user_id, not_before, digest, has_open, r.reason, range_agg(int8range(m.seq, m.seq + 1))
            FROM p JOIN m ON m.seq > p.mailed_seq, LATERAL (SELECT $why_not AS reason) AS r
            WHERE is_named GROUP BY user_id, not_before, digest, has_open, r.reason)
        -- is_told: an open notification, old or new, settles all of them when it is built
        SELECT *, has_open OR bool_or(reason IS NULL) OVER (PARTITION BY user_id) AS is_told
        FROM verdict) AS verdicts),
opened AS (
    -- open notifications
    INSERT INTO notifications (app_id, conversation_id, user_id, from_seq, not_before, digest, created_at)
    SELECT app_id, conversation_id, user_id, from_seq, not_before, digest, :now FROM judged WHERE reason IS NULL
    ON CONFLICT (app_id, conversation_id, user_id) WHERE status = $NotificationStatus.OPEN
        DO UPDATE SET not_before = least(notifications.not_before, excluded.not_before),
            from_seq = least(notifications.from_seq, excluded.from_seq),
            digest = notifications.digest AND excluded.digest)
-- ended notifications
INSERT INTO notifications
    (app_id, conversation_id, user_id, status, reason, seqs, from_seq, not_before, created_at, ended_at)
SELECT app_id, conversation_id, user_id, $NotificationStatus.CANCELLED, reason, seqs, lower(seqs), :now, :now, :now
FROM judged WHERE NOT is_told
