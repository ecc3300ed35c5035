-- Deliveries of an endpoint with their events, newest first; a parameter that is not given is null.
SELECT d.id, d.event_id, e.type, e.conversation_id, e.seq, d.stage, d.attempts, d.status, d.reply,
    d.created_at, d.tried_at, d.ended_at,
    CASE WHEN d.stage = $Stage.QUEUED THEN q.not_before END AS not_before
FROM webhook_deliveries d LEFT JOIN events e ON e.app_id = d.app_id AND e.id = d.event_id
LEFT JOIN webhook_lanes q ON q.app_id = d.app_id AND q.webhook_id = d.webhook_id AND q.lane = d.lane
WHERE d.app_id = :app AND d.webhook_id = :webhook
    AND (CAST(:stage AS text) IS NULL OR d.stage = :stage)
    AND (CAST(:before AS bigint) IS NULL OR d.id < :before)
ORDER BY d.id DESC LIMIT :limit
