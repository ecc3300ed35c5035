-- Ids of conversations that match by their id, their subject or a participant.
WITH people AS MATERIALIZED (
    SELECT id FROM users WHERE app_id = :app
        AND (id = :wanted OR name ILIKE :like OR emails @> ARRAY[CAST(:wanted AS text)])
    LIMIT :people)
SELECT id FROM conversations WHERE app_id = :app AND id = :wanted
UNION (SELECT id FROM conversations WHERE app_id = :app AND subject ILIKE :like LIMIT :most)
UNION (SELECT p.conversation_id FROM people JOIN participations p ON p.app_id = :app AND p.user_id = people.id LIMIT :most)
