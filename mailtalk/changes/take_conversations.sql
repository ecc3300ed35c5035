-- Take conversations with pending changes, the first of every app before the second of any, an app's oldest change
-- first, skipping those that another worker holds.
SELECT app_id, conversation_id FROM (
    SELECT app_id, conversation_id FROM changes
    WHERE status = $ChangeStatus.PENDING AND (CAST(:only AS bigint[]) IS NULL OR id = ANY(:only))
    GROUP BY app_id, conversation_id
    HAVING max(not_before) IS NULL OR max(not_before) <= :now OR CAST(:only AS bigint[]) IS NOT NULL
    -- OFFSET 0 keeps the lock function from running for conversations beyond the limit
    ORDER BY row_number() OVER (PARTITION BY app_id ORDER BY min(id)), min(id) LIMIT :most OFFSET 0) AS waiting
WHERE pg_try_advisory_xact_lock(hashtextextended(app_id || chr(31) || conversation_id, 0))
