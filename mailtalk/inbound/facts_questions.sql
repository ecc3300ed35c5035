-- "Was this you?" questions to a participant: about this mail, in one day, and whether one is about the same text,
-- or the participant said that they do not write from this address.
SELECT m.id AS mail_id, asked.mails AS asked,
    EXISTS (SELECT 1 FROM inbound_mails e
        WHERE e.participation_id = m.participation_id AND e.id < m.id AND e.verdict = 'sender'
            AND e.said_hash = m.said_hash AND e.received_at > m.received_at - interval '1 day')
        OR EXISTS (SELECT 1 FROM sender_questions q
            WHERE q.participation_id = m.participation_id AND q.address = m.address AND q.answer = 'reject')
        AS is_repeated,
    ARRAY(SELECT d.message_id FROM deliveries d
        WHERE d.app_id = m.app_id AND d.conversation_id = m.conversation_id AND d.user_id = m.user_id
            AND d.message_id LIKE '<q.' || m.id || '.%') AS questions
FROM unnest(CAST(:mails AS bigint[]), CAST(:participations AS uuid[]), CAST(:apps AS text[]),
    CAST(:conversations AS text[]), CAST(:users AS text[]), CAST(:hashes AS bytea[]), CAST(:moments AS timestamptz[]),
    CAST(:addresses AS text[]))
    AS m (id, participation_id, app_id, conversation_id, user_id, said_hash, received_at, address)
CROSS JOIN LATERAL (
    SELECT count(DISTINCT split_part(d.message_id, '.', 2)) AS mails FROM deliveries d
    WHERE d.app_id = m.app_id AND d.conversation_id = m.conversation_id AND d.user_id = m.user_id
        AND d.kind = 'confirmation' AND d.created_at > CAST(:now AS timestamptz) - interval '1 day') asked
