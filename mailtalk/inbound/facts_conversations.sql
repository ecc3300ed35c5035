-- Lock the conversations, always in this order, so that two batches never wait for each other.
SELECT c.* FROM conversations c
JOIN unnest(CAST(:apps AS text[]), CAST(:ids AS text[])) AS k (app_id, id) USING (app_id, id)
ORDER BY c.app_id, c.id FOR NO KEY UPDATE OF c
