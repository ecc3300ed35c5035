-- Participants whose names stand in a text behind an @.
SELECT s.id AS mail_id, lower(u.name) AS name, u.id
FROM unnest(CAST(:mails AS bigint[]), CAST(:apps AS text[]), CAST(:conversations AS text[]), CAST(:texts AS text[]))
    AS s (id, app_id, conversation_id, text)
JOIN participations p ON p.app_id = s.app_id AND p.conversation_id = s.conversation_id
    AND $takes_part
JOIN users u ON u.app_id = p.app_id AND u.id = p.user_id
WHERE position('@' || lower(u.name) IN lower(s.text)) > 0
