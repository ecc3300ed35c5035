-- Pending changes of the given conversations, in the order in which they were accepted, the first of every conversation
-- before the second of any.
SELECT ch.id, ch.app_id, ch.conversation_id, ch.user_id, ch.kind, ch.access, ch.notify, ch.mute_given, ch.mute_until,
    ch.frequency, ch.requested_by, ch.requested_at
FROM unnest(CAST(:apps AS text[]), CAST(:ids AS text[])) AS key (app_id, id) CROSS JOIN LATERAL (
    SELECT *, row_number() OVER (ORDER BY id) AS place FROM changes
    WHERE app_id = key.app_id AND conversation_id = key.id AND status = $ChangeStatus.PENDING
        AND (CAST(:only AS bigint[]) IS NULL OR id = ANY(:only))
    ORDER BY id LIMIT :most) AS ch
ORDER BY ch.place, ch.id LIMIT :most
