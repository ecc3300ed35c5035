-- The next deliveries of claimed queues with their events, in order. The tables are read by one key after the other:
-- OFFSET 0 keeps the planner from any other join.
SELECT q.claim, d.id, d.attempts, d.event_id, e.type, e.created_at, e.data, e.conversation_id, e.seq
FROM ($claimed) AS q CROSS JOIN LATERAL (
    SELECT id, app_id, attempts, event_id FROM webhook_deliveries
    WHERE app_id = q.app_id AND webhook_id = q.webhook_id AND lane = q.lane AND stage = $Stage.QUEUED
    ORDER BY id LIMIT :run) AS d
LEFT JOIN LATERAL (
    SELECT * FROM events WHERE app_id = d.app_id AND id = d.event_id OFFSET 0) AS e ON true
ORDER BY d.id
