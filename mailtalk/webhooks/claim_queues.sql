-- Claim due queues, the first of every app before the second of any, and of an app's endpoints likewise.
$due
UPDATE webhook_lanes q SET claim = gen_random_uuid(), worker_id = :worker
FROM (SELECT app_id, webhook_id, lane FROM due
    ORDER BY row_number() OVER (PARTITION BY app_id ORDER BY rank, random()), random() LIMIT :limit) AS mine
WHERE q.app_id = mine.app_id AND q.webhook_id = mine.webhook_id AND q.lane = mine.lane AND q.claim IS NULL
RETURNING q.app_id, q.webhook_id, q.lane, q.claim
