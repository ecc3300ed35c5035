-- Loose index scan over ix_inbound_mails_queue (app_id, participation_id, id): each step is one descent of the index.
app AS MATERIALIZED (
    SELECT a.id
    FROM (VALUES (CAST(:after_app AS text), NULL), ('', CAST(:after_app AS text))) AS part (low, high)
    CROSS JOIN LATERAL (
        WITH RECURSIVE step AS (
            SELECT part.low AS app_id, 0 AS n
            UNION ALL
            SELECT next.app_id, step.n + 1
            FROM step CROSS JOIN LATERAL (
                SELECT m.app_id FROM inbound_mails m
                WHERE $queue AND m.app_id > step.app_id
                ORDER BY m.app_id, m.participation_id, m.id LIMIT 1) next
            WHERE step.n < $apps AND (part.high IS NULL OR next.app_id <= part.high))
        SELECT app_id FROM step WHERE n > 0) waiting
    JOIN apps a ON a.id = waiting.app_id
    WHERE (a.sender_policy = 'authenticated') = :proving
    LIMIT $apps),
-- The first mail of each participation, from a random participation on, so that none is always the last.
head AS MATERIALIZED (
    SELECT app.id AS app_id, h.participation_id
    FROM app CROSS JOIN LATERAL (
        SELECT s.participation_id
        FROM (VALUES (CAST(:start AS uuid), $last_id), ($first_id, CAST(:start AS uuid))) AS part (low, high)
        CROSS JOIN LATERAL (
            WITH RECURSIVE step AS (
                SELECT part.low AS participation_id, NULL::bigint AS worker_id, NULL::timestamptz AS not_before, 0 AS n
                UNION ALL
                SELECT next.participation_id, next.worker_id, next.not_before, step.n + 1
                FROM step CROSS JOIN LATERAL (
                    SELECT m.participation_id, m.worker_id, m.not_before FROM inbound_mails m
                    WHERE $queue AND m.app_id = app.id
                        AND m.participation_id > step.participation_id AND m.participation_id <= part.high
                    ORDER BY m.participation_id, m.id LIMIT 1) next
                WHERE step.n < $looked_at)
            SELECT participation_id FROM step
            WHERE n > 0 AND worker_id IS NULL AND (not_before IS NULL OR not_before <= :now)) s
        LIMIT (SELECT greatest(CAST(:most AS integer) / greatest(count(*), 1), 1) FROM app)) h
    LIMIT $batch),
-- If there are fewer participations than mails fit, their next mails too, up to the first that may not be claimed.
own AS (
    SELECT q.id, q.participation_id, q.place, q.size
    FROM head CROSS JOIN LATERAL (
        SELECT m.id, m.participation_id, m.size, row_number() OVER (ORDER BY m.id) AS place,
            bool_and(m.worker_id IS NULL AND (m.not_before IS NULL OR m.not_before <= :now))
                OVER (ORDER BY m.id) AS free
        FROM (SELECT * FROM inbound_mails m
            -- >= and not =, so that no other index appears to serve this order.
            WHERE $queue AND m.app_id = head.app_id AND m.participation_id >= head.participation_id
            ORDER BY m.participation_id, m.id
            LIMIT (SELECT greatest(CAST(:most AS integer) / greatest(count(*), 1), 1) FROM head)) m
        WHERE m.participation_id = head.participation_id) q
    WHERE q.free),
-- Bounces and mail to postmaster in their own small share; mails whose DNS answer is still missing, when due.
other AS (
    SELECT m.id, CAST(NULL AS uuid) AS participation_id, 1 AS place, m.size
    FROM (VALUES ('bounce'), ('postmaster')) AS p (purpose) CROSS JOIN LATERAL (
        SELECT id, size FROM inbound_mails m
        WHERE m.outcome = 'received' AND m.participation_id IS NULL AND m.purpose = p.purpose
            AND m.worker_id IS NULL AND (m.not_before IS NULL OR m.not_before <= :now)
        ORDER BY m.purpose, m.id LIMIT $others) m
    WHERE NOT :proving
    UNION ALL
    (SELECT m.id, NULL, 1, m.size FROM inbound_mails m
    WHERE :proving AND m.outcome = 'received' AND m.reason IS NOT NULL AND m.participation_id IS NOT NULL
        AND m.not_before <= :now AND m.worker_id IS NULL
    ORDER BY m.not_before LIMIT $others)),
picked AS MATERIALIZED (
    SELECT id, participation_id, place FROM (
        SELECT *, sum(coalesce(size, 0)) OVER w AS bytes, row_number() OVER w AS n
        FROM (SELECT * FROM own UNION ALL SELECT * FROM other) waiting
        WINDOW w AS (ORDER BY place, id)) sized
    WHERE n = 1 OR (n <= CAST(:most AS integer) AND bytes <= :bytes)
    LIMIT $batch)
