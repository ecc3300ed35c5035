-- Participants whose addresses received the mails, and their apps.
SELECT m.id AS mail_id, a.name AS app_name, a.sender_policy, a.style, u.name, u.emails, u.accepted_senders, u.locale, u.time_zone,
    p.present, p.access, p.notify, p.generation
FROM unnest(CAST(:mails AS bigint[]), CAST(:apps AS text[]), CAST(:users AS text[]), CAST(:participations AS uuid[]))
    AS m (id, app_id, user_id, participation_id)
JOIN apps a ON a.id = m.app_id
LEFT JOIN users u ON u.app_id = m.app_id AND u.id = m.user_id
LEFT JOIN participations p ON p.id = m.participation_id
