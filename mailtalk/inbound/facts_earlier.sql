-- Each participant's earlier mails: posted with the same fingerprint or Message-ID, and a person's of the last hour.
SELECT m.id AS mail_id,
    ARRAY(SELECT e.fingerprint FROM inbound_mails e
        WHERE e.participation_id = m.participation_id AND e.outcome = 'posted' AND e.fingerprint = m.fingerprint)
    || ARRAY(SELECT e.fingerprint FROM inbound_mails e
        WHERE e.participation_id = m.participation_id AND e.outcome = 'posted' AND e.message_id = m.message_id
        LIMIT 10) AS posted,
    l.moments, l.hashes
FROM unnest(CAST(:mails AS bigint[]), CAST(:participations AS uuid[]), CAST(:fingerprints AS bytea[]),
    CAST(:message_ids AS text[]), CAST(:moments AS timestamptz[]))
    AS m (id, participation_id, fingerprint, message_id, received_at)
CROSS JOIN LATERAL (
    SELECT array_agg(received_at) AS moments, array_agg(said_hash) AS hashes FROM (
        SELECT received_at, said_hash FROM inbound_mails e
        WHERE e.participation_id = m.participation_id AND e.verdict IN ('person', 'flood')
            AND e.received_at BETWEEN m.received_at - interval '1 hour' AND m.received_at
            AND e.id <> ALL(CAST(:mails AS bigint[]))
        ORDER BY e.received_at DESC LIMIT :most) e) l
