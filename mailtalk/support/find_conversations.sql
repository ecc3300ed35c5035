-- Ids that match by id, subject, a participant, or a message's text; the text's expression is that of its index.
WITH people AS MATERIALIZED (
    SELECT id FROM users WHERE app_id = :app
        AND (id = :wanted OR name ILIKE :like OR emails @> ARRAY[CAST(:wanted AS text)])
    LIMIT :people),
of_text AS MATERIALIZED (
    SELECT conversation_id FROM messages WHERE :words <> '' AND app_id = :app
        AND to_tsvector('simple', left(text, 10000)) @@ CAST(nullif(:words, '') AS tsquery)
    LIMIT :texts)
SELECT id FROM conversations WHERE app_id = :app AND id = :wanted
UNION (SELECT id FROM conversations WHERE app_id = :app AND subject ILIKE :like LIMIT :most)
UNION (SELECT p.conversation_id FROM people JOIN participations p ON p.app_id = :app AND p.user_id = people.id LIMIT :most)
UNION SELECT conversation_id FROM of_text
