-- Queues that may be claimed now. Endpoints with an unclaimed queue are found by a recursive CTE as a loose index scan:
-- one index step for each endpoint, however many queues it has.
WITH RECURSIVE waiting AS (
    (SELECT app_id, webhook_id FROM webhook_lanes WHERE claim IS NULL ORDER BY app_id, webhook_id LIMIT 1)
    UNION ALL
    SELECT next.app_id, next.webhook_id FROM waiting CROSS JOIN LATERAL (
        SELECT app_id, webhook_id FROM webhook_lanes q WHERE claim IS NULL
            AND (q.app_id, q.webhook_id) > (waiting.app_id, waiting.webhook_id)
        ORDER BY app_id, webhook_id LIMIT 1) AS next),
-- how many more queues of each may be claimed; lone deliveries never displace others
room AS (
    SELECT w.app_id, w.id, slots.lone, slots.most - (
        SELECT count(*) FROM webhook_lanes held WHERE held.app_id = w.app_id AND held.webhook_id = w.id
            AND held.claim IS NOT NULL AND held.lone = slots.lone) AS free
    FROM waiting JOIN webhooks w ON w.app_id = waiting.app_id AND w.id = waiting.webhook_id
    CROSS JOIN LATERAL (VALUES (false, CASE WHEN w.failing_since IS NULL THEN :at_once ELSE 1 END), (true, 1))
        AS slots (lone, most)
    WHERE w.status = $EndpointStatus.ACTIVE AND (w.rests_until IS NULL OR w.rests_until <= :now)),
-- the longest due first; `rank` is a queue's place within its endpoint
due AS (
    SELECT q.app_id, q.webhook_id, q.lane, q.rank FROM room CROSS JOIN LATERAL (
        SELECT app_id, webhook_id, lane, row_number() OVER (ORDER BY not_before, lane) AS rank
        FROM webhook_lanes WHERE app_id = room.app_id AND webhook_id = room.id AND lone = room.lone
            AND claim IS NULL AND not_before <= :now
        ORDER BY not_before, lane LIMIT :at_once) AS q
    WHERE q.rank <= room.free)
