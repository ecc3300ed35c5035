-- The given users and, if they ever joined, their participations in the given conversations.
SELECT u.app_id, key.conversation_id, u.id AS user_id,
    p.present, p.access, p.notify, p.generation, p.mute_until, p.sees, p.frequency, p.chosen
FROM unnest(CAST(:apps AS text[]), CAST(:ids AS text[]), CAST(:users AS text[]))
    AS key (app_id, conversation_id, user_id)
JOIN users u ON u.app_id = key.app_id AND u.id = key.user_id
LEFT JOIN participations p ON p.app_id = u.app_id AND p.conversation_id = key.conversation_id AND p.user_id = u.id
