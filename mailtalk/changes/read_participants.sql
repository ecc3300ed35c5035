-- All participants of the given conversations.
SELECT p.app_id, p.conversation_id, p.user_id,
    p.present, p.access, p.notify, p.generation, p.mute_until, p.sees, p.frequency, p.chosen
FROM participations p
JOIN unnest(CAST(:apps AS text[]), CAST(:ids AS text[])) AS key (app_id, id)
    ON p.app_id = key.app_id AND p.conversation_id = key.id
WHERE $takes_part
