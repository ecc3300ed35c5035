-- Claim due deliveries, of each app an equal share, oldest first, and check each notification again in full: one
-- without any reason left is cancelled; one that has changed is outdated, so that it is made anew, unless its final dot
-- may have been sent: then it goes as it is, or is cancelled if its address or its Reply-To is no longer its reader's.
-- A digest is checked section by section. Deliveries of earlier versions have no seqs: only their reader is checked.
-- MATERIALIZED, or each use of a reason would be planned by itself.
WITH turn AS MATERIALIZED ($turn),
due AS MATERIALIZED (
    SELECT own.* FROM turn CROSS JOIN LATERAL (
        SELECT app_id, id FROM deliveries
        WHERE app_id = turn.app_id AND stage IN ($Stage.QUEUED, $Stage.DEFERRED, $Stage.UNKNOWN) AND not_before <= :now
            AND (slot_at IS NOT NULL OR NOT :paced)
        ORDER BY not_before LIMIT $share FOR UPDATE SKIP LOCKED) AS own),
checked AS MATERIALIZED (
    SELECT d.app_id, d.id, d.sending_at IS NULL AND d.unknowns = 0 AS is_unsent, c.is_dead,
        CASE WHEN s.reason IS NOT NULL THEN 'suppressed: ' || s.reason
            WHEN c.reason IS NOT NULL THEN c.reason
            WHEN c.is_checked AND coalesce(u.emails, '{}') = '{}' THEN $Reason.NO_ADDRESS END AS reason,
        CASE WHEN NOT c.is_checked THEN NULL
            WHEN NOT (d.address = ANY(u.emails)
                OR EXISTS (SELECT 1 FROM unnest(u.emails) AS own WHERE lower(own) = lower(d.address)))
                THEN $MailChange.ADDRESS
            WHEN c.is_regranted THEN $MailChange.REPLY_ADDRESS
            WHEN c.is_changed THEN $MailChange.MESSAGES END AS change
    FROM due JOIN deliveries d USING (app_id, id)
    LEFT JOIN suppressions s ON s.app_id = d.app_id AND s.address = lower(d.address) AND s.until > :now
    LEFT JOIN users u ON u.app_id = d.app_id AND u.id = d.user_id
    CROSS JOIN LATERAL (
        -- all sections: the reason if none is wanted any more; a notice has none
        SELECT CASE WHEN bool_and(reason IS NOT NULL) THEN min(reason) END AS reason,
            coalesce(bool_and(is_checked), false) AS is_checked,
            bool_or(is_changed OR reason IS NOT NULL) AS is_changed, bool_or(is_regranted) AS is_regranted,
            bool_or(is_regranted AND reply_generation IS NOT NULL AND reason IS NULL) AS is_dead
        FROM (
            SELECT part.reply_generation, part.seqs IS NOT NULL AS is_checked,
                CASE WHEN $barred IS NOT NULL THEN $barred
                    WHEN part.seqs IS NULL THEN NULL
                    WHEN p.id IS NULL THEN $Reason.CONVERSATION_DELETED
                    WHEN m.number = 0 THEN $Reason.NOTHING_LEFT
                    WHEN m.wanted = 0 AND m.number < $shown THEN m.reason END AS reason,
                part.reply_generation IS DISTINCT FROM
                    CASE p.access WHEN $Access.READ_WRITE THEN p.generation END AS is_regranted,
                m.wanted < m.number OR m.edited_at IS DISTINCT FROM part.edited_at OR m.number <> CASE
                    WHEN m.number = upper(part.seqs) - lower(part.seqs) THEN m.number
                    ELSE (SELECT sum(upper(r) - lower(r)) FROM unnest(part.seqs * int8multirange(int8range(
                        CASE WHEN m.number < $shown THEN lower(part.seqs) ELSE m.first END, NULL))) AS r)
                    END AS is_changed
            FROM (
                SELECT d.conversation_id, d.seqs, d.edited_at, d.reply_generation
                WHERE d.kind = $DeliveryKind.NOTIFICATION
                UNION ALL
                SELECT g.conversation_id, g.seqs, g.edited_at, g.reply_generation FROM digest_sections g
                WHERE d.kind = $DeliveryKind.DIGEST AND g.app_id = d.app_id AND g.delivery_id = d.id) AS part
            LEFT JOIN participations p ON p.app_id = d.app_id AND p.conversation_id = part.conversation_id
                AND p.user_id = d.user_id
            CROSS JOIN LATERAL (
                -- the messages that the mail shows, at most: which are left, and which of them are still wanted
                SELECT count(*) AS number, count(*) FILTER (WHERE reason IS NULL) AS wanted, min(reason) AS reason,
                    min(seq) AS first, max(edited_at) AS edited_at
                FROM (
                    SELECT m.seq, m.edited_at, $why_not AS reason FROM messages m
                    WHERE m.app_id = d.app_id AND m.conversation_id = part.conversation_id
                        AND m.seq >= lower(part.seqs) AND m.seq < upper(part.seqs) AND part.seqs @> m.seq
                    ORDER BY m.seq DESC LIMIT $shown) AS m) AS m) AS section) AS c),
judged AS (
    SELECT app_id, id, coalesce(reason, CASE WHEN NOT is_unsent AND (change = $MailChange.ADDRESS
            OR change = $MailChange.REPLY_ADDRESS AND is_dead) THEN change END) AS reason,
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
