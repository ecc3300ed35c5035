-- Open notifications for new messages before the windows close: at once for participants who are mailed immediately,
-- soon for those mentioned in the messages. Digests wait.
WITH written AS MATERIALIZED (
    SELECT * FROM unnest(CAST(:apps AS text[]), CAST(:ids AS text[]), CAST(:authors AS text[]))
        AS key (app_id, conversation_id, author)),
mentioned AS MATERIALIZED (
    SELECT DISTINCT * FROM unnest(
        CAST(:mention_apps AS text[]), CAST(:mention_ids AS text[]), CAST(:mention_users AS text[]))
        AS key (app_id, conversation_id, user_id)),
candidate AS (
    SELECT * FROM mentioned
    -- participants who chose to be mailed immediately, by the index of participants with a frequency of their own
    UNION SELECT app_id, conversation_id, i.user_id FROM written w JOIN participations i USING (app_id, conversation_id)
    WHERE i.frequency <> $Frequency.DEFAULT AND i.frequency = $Frequency.IMMEDIATELY
        AND i.user_id IS DISTINCT FROM w.author
    -- all others, if the app mails immediately
    UNION SELECT app_id, conversation_id, d.user_id FROM written w
    JOIN apps a ON a.id = w.app_id AND a.frequency = $Frequency.IMMEDIATELY
    JOIN participations d USING (app_id, conversation_id)
    WHERE d.frequency = $Frequency.DEFAULT AND d.user_id IS DISTINCT FROM w.author)
INSERT INTO notifications (app_id, conversation_id, user_id, from_seq, not_before, created_at)
SELECT p.app_id, p.conversation_id, p.user_id, c.window_from_seq,
    CASE $frequency WHEN $Frequency.IMMEDIATELY THEN :now ELSE least(:soon, c.window_due_at) END, :now
FROM candidate JOIN participations p USING (app_id, conversation_id, user_id) JOIN apps a ON a.id = p.app_id
JOIN conversations c ON c.app_id = p.app_id AND c.id = p.conversation_id
LEFT JOIN mentioned m ON m.app_id = p.app_id AND m.conversation_id = p.conversation_id AND m.user_id = p.user_id
WHERE $frequency IN ($Frequency.DEFAULT, $Frequency.IMMEDIATELY)
    AND CASE WHEN m.user_id IS NOT NULL THEN $barred ELSE $barred_unless_mentioned END IS NULL
ORDER BY p.app_id, p.conversation_id, p.user_id
ON CONFLICT (app_id, conversation_id, user_id) WHERE status = $NotificationStatus.OPEN
    DO UPDATE SET not_before = least(notifications.not_before, excluded.not_before),
        from_seq = least(notifications.from_seq, excluded.from_seq), digest = false
