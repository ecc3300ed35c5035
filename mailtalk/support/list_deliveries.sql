-- Deliveries of these apps in these stages, newest first, after a given one; a parameter that is not given is null.
-- For each app$and_stage, the newest are read from an index that has them in this order.
SELECT d.* FROM unnest(CAST(:apps AS text[])) AS a (app_id) $stages CROSS JOIN LATERAL (
    SELECT app_id, id, kind, conversation_id, user_id, address, message_id, stage, attempts, unknowns, not_before, reply,
        created_at, ended_at, bounced_at
    FROM deliveries
    WHERE app_id = a.app_id AND $condition
        AND created_at >= coalesce(CAST(:since AS timestamptz), '-infinity')
        AND (created_at, id) < (coalesce(CAST(:after_at AS timestamptz), 'infinity'),
            coalesce(CAST(:after_id AS uuid), 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
    ORDER BY created_at DESC, id DESC LIMIT :limit) AS d
ORDER BY d.created_at DESC, d.id DESC LIMIT :limit
