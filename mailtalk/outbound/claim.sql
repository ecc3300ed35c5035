-- Claim due deliveries, of each app an equal share, oldest first, and check each notification again in full: one without any reason left is
-- cancelled; one that has changed is outdated, so that it is made anew, unless its final dot may have been sent: then it
-- goes as it is, or is cancelled if its address or its Reply-To is no longer its reader's. Deliveries of earlier versions
-- have no seqs: only their reader is checked. MATERIALIZED, or each use of a reason would be planned by itself.
WITH turn AS MATERIALIZED ($turn),
due AS MATERIALIZED (
    SELECT own.* FROM turn CROSS JOIN LATERAL (
        SELECT app_id, id FROM deliveries
        WHERE app_id = turn.app_id AND stage IN ($Stage.QUEUED, $Stage.DEFERRED, $Stage.UNKNOWN) AND not_before <= :now
            AND (slot_at IS NOT NULL OR NOT :paced)
        ORDER BY not_before LIMIT $share FOR UPDATE SKIP LOCKED) AS own),
checked AS MATERIALIZED (
    SELECT d.app_id, d.id, d.sending_at IS NULL AND d.unknowns = 0 AS is_unsent, d.reply_generation,
        CASE WHEN s.reason IS NOT NULL THEN 'suppressed: ' || s.reason
            WHEN d.kind <> $DeliveryKind.NOTIFICATION THEN NULL
            WHEN $barred IS NOT NULL THEN $barred
            WHEN d.seqs IS NULL THEN NULL
            WHEN coalesce(u.emails, '{}') = '{}' THEN $Reason.NO_ADDRESS
            WHEN m.number = 0 THEN $Reason.NOTHING_LEFT
            WHEN m.wanted = 0 AND m.number < $shown THEN m.reason END AS reason,
        CASE WHEN d.kind <> $DeliveryKind.NOTIFICATION OR d.seqs IS NULL THEN NULL
            WHEN NOT (d.address = ANY(u.emails)
                OR EXISTS (SELECT 1 FROM unnest(u.emails) AS own WHERE lower(own) = lower(d.address)))
                THEN $MailChange.ADDRESS
            WHEN d.reply_generation IS DISTINCT FROM
                CASE p.access WHEN $Access.READ_WRITE THEN p.generation END THEN $MailChange.REPLY_ADDRESS
            WHEN m.wanted < m.number OR m.edited_at IS DISTINCT FROM d.edited_at OR m.number <> CASE
                    WHEN m.number = upper(d.seqs) - lower(d.seqs) THEN m.number
                    ELSE (SELECT sum(upper(r) - lower(r)) FROM unnest(d.seqs * int8multirange(int8range(
                        CASE WHEN m.number < $shown THEN lower(d.seqs) ELSE m.first END, NULL))) AS r) END
                THEN $MailChange.MESSAGES END AS change
    FROM due JOIN deliveries d USING (app_id, id)
    LEFT JOIN suppressions s ON s.app_id = d.app_id AND s.address = lower(d.address) AND s.until > :now
    LEFT JOIN participations p ON p.app_id = d.app_id AND p.conversation_id = d.conversation_id
        AND p.user_id = d.user_id
    LEFT JOIN users u ON u.app_id = d.app_id AND u.id = d.user_id
    CROSS JOIN LATERAL (
        -- the messages that the mail shows, at most: which are left, and which of them are still wanted
        SELECT count(*) AS number, count(*) FILTER (WHERE reason IS NULL) AS wanted, min(reason) AS reason,
            min(seq) AS first, max(edited_at) AS edited_at
        FROM (
            SELECT m.seq, m.edited_at, $why_not AS reason FROM messages m
            WHERE m.app_id = d.app_id AND m.conversation_id = d.conversation_id
                AND m.seq >= lower(d.seqs) AND m.seq < upper(d.seqs) AND d.seqs @> m.seq
            ORDER BY m.seq DESC LIMIT $shown) AS m) AS m),
judged AS (
    SELECT app_id, id, coalesce(reason, CASE WHEN NOT is_unsent AND (change = $MailChange.ADDRESS
            OR change = $MailChange.REPLY_ADDRESS AND reply_generation IS NOT NULL) THEN change END) AS reason,
        CASE WHEN is_unsent THEN change END AS change
    FROM checked),
taken AS (
    UPDATE deliveries d SET claim = gen_random_uuid(), worker_id = :worker,
        stage = CASE WHEN j.reason IS NOT NULL THEN $Stage.CANCELLED WHEN j.change IS NOT NULL THEN $Stage.OUTDATED
            ELSE $Stage.CLAIMED END,
        attempts = attempts + CASE WHEN j.reason IS NULL AND j.change IS NULL THEN 1 ELSE 0 END,
        reply = coalesce(j.reason, j.change, d.reply),
        ended_at = CASE WHEN j.reason IS NOT NULL THEN CAST(:now AS timestamptz) END
    FROM judged j WHERE d.app_id = j.app_id AND d.id = j.id
    RETURNING d.*)
SELECT app_id, id, claim, kind, notification_id, conversation_id, user_id, address, body_sealed, attempts, created_at,
    stage, reply
FROM taken WHERE stage <> $Stage.OUTDATED ORDER BY not_before
