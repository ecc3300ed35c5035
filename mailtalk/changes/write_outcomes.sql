-- End changes with their outcomes, and count them in their conversations.
WITH outcome AS (
    -- the outcomes
    SELECT * FROM unnest(CAST(:apps AS text[]), CAST(:ids AS text[]), CAST(:changes AS bigint[]),
            CAST(:statuses AS text[]), CAST(:errors AS text[]), CAST(:seqs AS bigint[]))
        AS o (app_id, conversation_id, id, status, error, seq)),
counted AS (
    -- the last number of each conversation
    UPDATE conversations c SET applied_seq = last.seq
    FROM (SELECT app_id, conversation_id, max(seq) AS seq FROM outcome GROUP BY app_id, conversation_id) AS last
    WHERE c.app_id = last.app_id AND c.id = last.conversation_id)
UPDATE changes ch SET status = o.status, error_code = o.error, applied_seq = o.seq, applied_at = :now
FROM outcome o WHERE ch.app_id = o.app_id AND ch.id = o.id
