-- Store changes as pending; their ids increase in the order given.
INSERT INTO changes (app_id, conversation_id, user_id, kind, access, notify, mute_given, mute_until, frequency,
    requested_by, requested_at)
SELECT app_id, conversation_id, user_id, kind, access, notify, mute_given, mute_until, frequency, requested_by, at
FROM unnest(CAST(:apps AS text[]), CAST(:ids AS text[]), CAST(:users AS text[]), CAST(:kinds AS text[]),
        CAST(:accesses AS text[]), CAST(:notifies AS text[]), CAST(:mutes_given AS boolean[]),
        CAST(:mutes AS timestamptz[]), CAST(:frequencies AS text[]), CAST(:requesters AS text[]),
        CAST(:ats AS timestamptz[]))
    WITH ORDINALITY AS item (app_id, conversation_id, user_id, kind, access, notify, mute_given, mute_until, frequency,
        requested_by, at, i)
ORDER BY i RETURNING id
