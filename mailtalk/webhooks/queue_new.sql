-- Queue a delivery of each new event for each subscribed endpoint. `pending` is raised under the queue's row lock: a
-- worker that ends the queue at the same time sees it and continues.
WITH delivery AS (
    INSERT INTO webhook_deliveries (app_id, webhook_id, event_id, lane, created_at)
    SELECT e.app_id, w.id, e.id, $queue, :now
    FROM unnest(CAST(:apps AS text[]), CAST(:ids AS bigint[])) AS key (app_id, id)
    JOIN events e ON e.app_id = key.app_id AND e.id = key.id
    JOIN webhooks w ON w.app_id = e.app_id AND w.kind <> $EndpointKind.LISTENER
        AND w.status <> $EndpointStatus.DISABLED AND (w.events IS NULL OR e.type = ANY(w.events))
    ORDER BY e.id RETURNING app_id, webhook_id, lane)
INSERT INTO webhook_lanes AS q (app_id, webhook_id, lane, pending, not_before)
SELECT app_id, webhook_id, lane, count(*), :now FROM delivery GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
ON CONFLICT (app_id, webhook_id, lane) DO UPDATE SET pending = q.pending + excluded.pending
