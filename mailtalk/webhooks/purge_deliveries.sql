-- Delete a batch of old deliveries, and return their number.
WITH old AS (
    DELETE FROM webhook_deliveries WHERE (app_id, id) IN (
        SELECT app_id, id FROM webhook_deliveries WHERE created_at < :before
        ORDER BY created_at LIMIT :most FOR UPDATE SKIP LOCKED)
    RETURNING app_id, webhook_id, lane, stage),
-- their queues hold so many fewer
counted_out AS (
    UPDATE webhook_lanes q SET pending = q.pending - o.count
    FROM (SELECT app_id, webhook_id, lane, count(*) AS count FROM old
        WHERE stage = $Stage.QUEUED GROUP BY 1, 2, 3) AS o
    WHERE q.app_id = o.app_id AND q.webhook_id = o.webhook_id AND q.lane = o.lane)
SELECT count(*) FROM old
