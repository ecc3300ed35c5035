-- Each of the chosen conversations `c` with its last message and the people who take part.
SELECT c.id, c.subject, coalesce(c.last_message_at, c.created_at) AS activity,
    left(m.text, 300), sender.name, m.origin, people.count, people.names
FROM ($chosen) c
LEFT JOIN LATERAL (
    SELECT * FROM messages WHERE app_id = c.app_id AND conversation_id = c.id
    ORDER BY created_at DESC, seq DESC LIMIT 1) m ON true
LEFT JOIN users sender ON sender.app_id = m.app_id AND sender.id = m.sender_id
CROSS JOIN LATERAL (
    SELECT count(*) AS count, coalesce((array_agg(u.name ORDER BY p.joined_at, p.user_id))[1:4], '{}') AS names
    FROM participations p JOIN users u ON u.app_id = p.app_id AND u.id = p.user_id
    WHERE p.app_id = c.app_id AND p.conversation_id = c.id AND p.present AND p.access <> $Access.NONE) people
ORDER BY activity DESC, c.id DESC
