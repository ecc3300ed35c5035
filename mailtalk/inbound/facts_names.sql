-- Names of the participants of each mail's conversation, for the text's @Name mentions.
SELECT s.id AS mail_id, u.id, u.name
FROM unnest(CAST(:mails AS bigint[]), CAST(:apps AS text[]), CAST(:conversations AS text[]))
    AS s (id, app_id, conversation_id)
JOIN participations p ON p.app_id = s.app_id AND p.conversation_id = s.conversation_id
    AND $takes_part
JOIN users u ON u.app_id = p.app_id AND u.id = p.user_id
