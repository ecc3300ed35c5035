-- Each participant's earlier mails: posted with the same fingerprint or Message-ID, and the numbers of a person's of the
-- last hour, and of those with the same text.
SELECT m.id AS mail_id,
    ARRAY(SELECT e.fingerprint FROM inbound_mails e
        WHERE e.participation_id = m.participation_id AND e.outcome = 'posted' AND e.fingerprint = m.fingerprint)
    || ARRAY(SELECT e.fingerprint FROM inbound_mails e
        WHERE e.participation_id = m.participation_id AND e.outcome = 'posted' AND e.message_id = m.message_id
        LIMIT 10) AS posted,
    l.lately, l.same_text
FROM unnest(CAST(:mails AS bigint[]), CAST(:participations AS uuid[]), CAST(:fingerprints AS bytea[]),
    CAST(:message_ids AS text[]), CAST(:said_hashes AS bytea[]), CAST(:moments AS timestamptz[]))
    AS m (id, participation_id, fingerprint, message_id, said_hash, received_at)
CROSS JOIN LATERAL (
    SELECT count(*) AS lately, count(*) FILTER (WHERE e.said_hash = m.said_hash) AS same_text FROM (
        SELECT said_hash FROM inbound_mails e
        WHERE e.participation_id = m.participation_id AND e.verdict IN ('person', 'flood')
            AND e.received_at BETWEEN m.received_at - interval '1 hour' AND m.received_at
            AND e.id <> ALL(CAST(:mails AS bigint[]))
        ORDER BY e.received_at DESC LIMIT :most) e) l
