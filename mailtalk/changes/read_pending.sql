-- Pending changes of the given conversations, in the order in which they were accepted.
SELECT ch.id, ch.app_id, ch.conversation_id, ch.user_id, ch.kind, ch.access, ch.notify, ch.mute_given, ch.mute_until,
    ch.frequency, ch.requested_by
FROM changes ch
JOIN unnest(CAST(:apps AS text[]), CAST(:ids AS text[])) AS key (app_id, id)
    ON ch.app_id = key.app_id AND ch.conversation_id = key.id
WHERE ch.status = $ChangeStatus.PENDING AND (CAST(:only AS bigint[]) IS NULL OR ch.id = ANY(:only))
ORDER BY ch.id LIMIT :most
