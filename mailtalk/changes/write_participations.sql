-- Write changed participations. A frozen view stays until it is frozen again, and is deleted when it is unfrozen.
INSERT INTO participations AS p (app_id, conversation_id, user_id, present, access, notify, generation, mute_until,
    frequency, chosen, sees, view_seq, view, joined_at)
SELECT app_id, conversation_id, user_id, present, access, notify, generation, mute_until, frequency,
    string_to_array(chosen, ','), sees, view_seq, CAST(view AS jsonb),
    CASE WHEN joined THEN :now ELSE CAST('-infinity' AS timestamptz) END
FROM unnest(CAST(:apps AS text[]), CAST(:ids AS text[]), CAST(:users AS text[]), CAST(:presents AS boolean[]),
        CAST(:accesses AS text[]), CAST(:notifies AS text[]), CAST(:generations AS bigint[]),
        CAST(:mutes AS timestamptz[]), CAST(:frequencies AS text[]), CAST(:chosen AS text[]), CAST(:sees AS text[]),
        CAST(:seqs AS bigint[]), CAST(:views AS text[]), CAST(:joined AS boolean[]))
    AS changed (app_id, conversation_id, user_id, present, access, notify, generation, mute_until, frequency, chosen,
        sees, view_seq, view, joined)
ON CONFLICT (app_id, conversation_id, user_id) DO UPDATE SET
    present = excluded.present, access = excluded.access, notify = excluded.notify,
    generation = excluded.generation, mute_until = excluded.mute_until, frequency = excluded.frequency,
    chosen = excluded.chosen, sees = excluded.sees,
    view_seq = CASE WHEN excluded.sees = $Sees.FROZEN THEN coalesce(excluded.view_seq, p.view_seq) END,
    view = CASE WHEN excluded.sees = $Sees.FROZEN THEN coalesce(excluded.view, p.view) END,
    joined_at = greatest(p.joined_at, excluded.joined_at)
