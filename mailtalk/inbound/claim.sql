-- Claim the next mails of many participations; each participation's in the order of their arrival.
WITH $candidates,
-- Rows locked by another claim are skipped; mails claimed or decided meanwhile drop out.
locked AS MATERIALIZED (
    SELECT m.id FROM inbound_mails m JOIN picked USING (id)
    WHERE m.outcome = 'received' AND m.worker_id IS NULL
    FOR UPDATE OF m SKIP LOCKED),
-- If an earlier mail of the participation was skipped, its later ones stay in the queue.
in_order AS (
    SELECT id, place, row_number() OVER (PARTITION BY participation_id ORDER BY place) AS nth, participation_id
    FROM picked JOIN locked USING (id)),
taken AS (
    UPDATE inbound_mails m SET worker_id = :worker FROM in_order o
    WHERE m.id = o.id AND (o.participation_id IS NULL OR o.nth = o.place)
    RETURNING m.*)
SELECT t.id, t.raw_id, t.app_id, t.conversation_id, t.user_id, t.participation_id, t.generation, t.delivery_id,
    t.purpose, t.verdict, t.evidence, t.received_at, t.released_at,
    :proving AND t.purpose IN ('reply', 'digest') AND t.evidence IS NULL AND t.released_at IS NULL AS needs_proof,
    r.sealed, r.mail_from, r.client_ip, r.helo, r.spf, COALESCE(u.locale, a.default_locale) AS locale
FROM taken t LEFT JOIN raw_mails r ON r.id = t.raw_id
    LEFT JOIN users u ON u.app_id = t.app_id AND u.id = t.user_id LEFT JOIN apps a ON a.id = t.app_id
ORDER BY t.id
