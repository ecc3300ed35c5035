-- Record successful attempts, one of each queue, and return the ids of their deliveries: without those whose claim was
-- lost, or whose endpoint failed before. LIMIT tells the planner how few they are. The queues are locked in the order
-- in which the fan-out locks them, or they would wait for each other.
WITH success AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(CAST(%(successes)s AS jsonb)) AS s (
        app_id text, webhook_id text, lane text, claim uuid, id bigint, status integer, reply text, at timestamptz)
    LIMIT %(count)s),
mine AS MATERIALIZED (
    SELECT s.* FROM success s JOIN webhook_lanes q USING (app_id, webhook_id, lane, claim)
    JOIN webhooks w ON w.app_id = q.app_id AND w.id = q.webhook_id AND w.failing_since IS NULL
    ORDER BY q.app_id, q.webhook_id, q.lane FOR NO KEY UPDATE OF q),
counted_out AS (
    UPDATE webhook_lanes q SET pending = q.pending - 1 FROM mine m
    WHERE q.app_id = m.app_id AND q.webhook_id = m.webhook_id AND q.lane = m.lane),
recorded AS (
    UPDATE webhook_deliveries d SET stage = $Stage.SENT, status = m.status, reply = m.reply, attempts = d.attempts + 1,
        tried_at = m.at, ended_at = m.at
    FROM mine m WHERE d.app_id = m.app_id AND d.id = m.id AND d.stage = $Stage.QUEUED)
SELECT id FROM mine
