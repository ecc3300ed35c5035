-- Open notifications for new messages before the window closes: at once for participants who are mailed immediately,
-- soon for those whom the messages mention. Digests wait.
INSERT INTO notifications (app_id, conversation_id, user_id, from_seq, not_before, created_at)
SELECT p.app_id, p.conversation_id, p.user_id, c.window_from_seq,
    CASE $frequency WHEN $Frequency.IMMEDIATELY THEN :now ELSE least(:soon, c.window_due_at) END, :now
FROM participations p JOIN apps a ON a.id = p.app_id
JOIN conversations c ON c.app_id = p.app_id AND c.id = p.conversation_id
WHERE p.app_id = :app AND p.conversation_id = :conversation AND p.user_id IN (
        -- the mentioned
        SELECT unnest(CAST(:mentioned AS text[]))
        -- those who chose to be mailed immediately, by the index of participants with a frequency of their own
        UNION SELECT i.user_id FROM participations i WHERE i.app_id = :app AND i.conversation_id = :conversation
            AND i.frequency <> $Frequency.DEFAULT AND i.frequency = $Frequency.IMMEDIATELY
            AND i.user_id IS DISTINCT FROM :author
        -- all others, if the app mails immediately
        UNION SELECT d.user_id FROM participations d WHERE d.app_id = :app AND d.conversation_id = :conversation
            AND d.frequency = $Frequency.DEFAULT AND d.user_id IS DISTINCT FROM :author
            AND (SELECT frequency FROM apps WHERE id = :app) = $Frequency.IMMEDIATELY)
    AND $frequency IN ($Frequency.DEFAULT, $Frequency.IMMEDIATELY)
    AND CASE WHEN p.user_id = ANY(CAST(:mentioned AS text[])) THEN $barred ELSE $barred_unless_mentioned END IS NULL
ORDER BY p.user_id
ON CONFLICT (app_id, conversation_id, user_id) WHERE status = $NotificationStatus.OPEN
    DO UPDATE SET not_before = least(notifications.not_before, excluded.not_before),
        from_seq = least(notifications.from_seq, excluded.from_seq)
