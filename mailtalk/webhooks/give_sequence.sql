-- Give the next batch of new events, of each app an equal share, their sequence numbers, and return their keys.
WITH turn AS MATERIALIZED (SELECT app_id FROM ($heads) AS head ORDER BY due LIMIT :limit),
new AS MATERIALIZED (
    SELECT own.* FROM turn CROSS JOIN LATERAL (
        SELECT app_id, id, conversation_id FROM events WHERE app_id = turn.app_id AND told_at IS NULL
        ORDER BY id LIMIT $share) AS own),
-- the conversations' counters, raised by the number of their new events
counted AS (
    INSERT INTO event_counts AS c (app_id, conversation_id, last)
    SELECT app_id, conversation_id, count(*) FROM new WHERE conversation_id IS NOT NULL GROUP BY 1, 2
    ON CONFLICT (app_id, conversation_id) DO UPDATE SET last = c.last + excluded.last
    RETURNING app_id, conversation_id, last),
-- each new event's number, counted back from the raised counter
numbered AS (
    SELECT n.app_id, n.id, c.last + 1 - row_number() OVER (
        PARTITION BY n.app_id, n.conversation_id ORDER BY n.id DESC) AS seq
    FROM new n LEFT JOIN counted c USING (app_id, conversation_id))
UPDATE events e SET seq = n.seq, told_at = :now FROM numbered n
WHERE e.app_id = n.app_id AND e.id = n.id RETURNING e.app_id, e.id
