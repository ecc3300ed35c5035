-- Lock conversations, in a fixed order, and read what applying their changes needs. Participations change only under
-- the advisory lock that the worker took in an earlier statement, so the count is current.
SELECT c.app_id, c.id, c.applied_seq, c.last_seq, a.participant_limit,
    CASE WHEN a.participant_limit IS NULL THEN 0 ELSE (
        SELECT count(*) FROM participations p WHERE p.app_id = c.app_id AND p.conversation_id = c.id AND $takes_part)
    END AS active
FROM conversations c
JOIN unnest(CAST(:apps AS text[]), CAST(:ids AS text[])) AS key (app_id, id) ON c.app_id = key.app_id AND c.id = key.id
JOIN apps a ON a.id = c.app_id
ORDER BY c.app_id, c.id FOR NO KEY UPDATE OF c
