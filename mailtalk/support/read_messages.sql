-- Message ids of each notification: those in its range if it has ended, else all that are not settled yet.
SELECT n.id, ARRAY(
    SELECT m.id FROM messages m WHERE m.app_id = n.app_id AND m.conversation_id = n.conversation_id
        AND m.type = $MessageType.USER AND m.origin <> $Origin.IMPORT
        AND m.seq >= CASE n.status WHEN $NotificationStatus.OPEN THEN greatest(n.from_seq, p.mailed_seq + 1)
            ELSE lower(n.seqs) END
        AND (n.status = $NotificationStatus.OPEN OR n.seqs @> m.seq AND m.seq < upper(n.seqs))
    ORDER BY m.seq) AS messages
FROM notifications n JOIN participations p USING (app_id, conversation_id, user_id)
WHERE n.app_id = :app AND n.id = ANY(:ids)
