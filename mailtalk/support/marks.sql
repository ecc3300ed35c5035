-- What moves when a message is posted, edited or read, a change is applied or asked for, a mail comes in, or one is made or sent.
SELECT c.app_id, c.id, c.last_seq, c.last_message_at, c.applied_seq, c.window_due_at, c.subject,
    people.marks, pending.changes, inbound.marks
FROM unnest(CAST(:apps AS text[]), CAST(:ids AS text[])) AS k (app_id, id)
JOIN conversations c ON c.app_id = k.app_id AND c.id = k.id
CROSS JOIN LATERAL (
    SELECT hash_record_extended(ROW(sum(p.read_seq), sum(p.mailed_seq), count(*), string_agg(d.mark, ',')), 0) AS marks
    FROM participations p
    LEFT JOIN LATERAL (
        SELECT d.id || d.stage || d.attempts || coalesce(d.bounced_at::text, '') AS mark FROM deliveries d
        WHERE d.app_id = p.app_id AND d.conversation_id = p.conversation_id AND d.user_id = p.user_id
        ORDER BY d.created_at DESC LIMIT 1) d ON true
    WHERE p.app_id = c.app_id AND p.conversation_id = c.id) people
CROSS JOIN LATERAL (
    SELECT count(*) AS changes FROM changes WHERE app_id = c.app_id AND conversation_id = c.id
        AND status = $ChangeStatus.PENDING) pending
CROSS JOIN LATERAL (
    SELECT count(*) || '/' || count(*) FILTER (WHERE outcome = $Outcome.RECEIVED) || '/' || coalesce(max(processed_at)::text, '') AS marks
    FROM inbound_mails WHERE app_id = c.app_id AND conversation_id = c.id) inbound
