-- Queue deliveries of the chosen events for one endpoint, behind all others, and count them.
WITH chosen AS ($events),
queued AS (
    INSERT INTO webhook_deliveries (app_id, webhook_id, event_id, lane, created_at)
    SELECT e.app_id, :webhook, e.id, $queue, :now FROM chosen e ORDER BY e.seq, e.id RETURNING lane),
queues AS (
    INSERT INTO webhook_lanes AS q (app_id, webhook_id, lane, pending, not_before)
    SELECT :app, :webhook, lane, count(*), :now FROM queued GROUP BY lane ORDER BY lane
    ON CONFLICT (app_id, webhook_id, lane) DO UPDATE SET pending = q.pending + excluded.pending)
SELECT count(*) FROM queued
