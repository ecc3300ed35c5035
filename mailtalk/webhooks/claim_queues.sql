-- Claim due queues, the first of every endpoint before the second of any.
$due
UPDATE webhook_lanes q SET claim = gen_random_uuid(), worker_id = :worker
FROM (SELECT app_id, webhook_id, lane FROM due ORDER BY rank, random() LIMIT :limit) AS mine
WHERE q.app_id = mine.app_id AND q.webhook_id = mine.webhook_id AND q.lane = mine.lane AND q.claim IS NULL
RETURNING q.app_id, q.webhook_id, q.lane, q.claim
