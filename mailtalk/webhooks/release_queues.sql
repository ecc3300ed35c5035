-- Give up the claims of queues, and delete those that are empty. The rows are locked in the order in which the fan-out
-- locks them, or they would wait for each other.
WITH mine AS MATERIALIZED (
    SELECT q.* FROM ($claimed) AS c JOIN webhook_lanes q USING (app_id, webhook_id, lane)
    ORDER BY q.app_id, q.webhook_id, q.lane FOR UPDATE OF q),
gone AS (
    DELETE FROM webhook_lanes q USING mine m
    WHERE q.app_id = m.app_id AND q.webhook_id = m.webhook_id AND q.lane = m.lane AND m.pending <= 0)
UPDATE webhook_lanes q SET claim = NULL FROM mine m
WHERE q.app_id = m.app_id AND q.webhook_id = m.webhook_id AND q.lane = m.lane AND q.claim = m.claim AND m.pending > 0
