-- One queue: its depth, the number that is due, what arrived and what was done, and its oldest due item. A row of
-- `waiting` is due from `since` on; it is never due if that is null. Every part reads at most :most rows.
WITH waiting AS MATERIALIZED (SELECT * FROM ($waiting) AS w LIMIT :most)
SELECT total.depth, total.due, arrived.in_minute AS arrived_minute, arrived.in_hour AS arrived_hour,
    arrived.earliest AS arrived_earliest, done.in_minute AS done_minute, done.in_hour AS done_hour,
    done.earliest AS done_earliest, oldest.*
FROM (SELECT count(*) AS depth, count(*) FILTER (WHERE since <= :now) AS due FROM waiting) AS total
CROSS JOIN (
    SELECT count(*) AS in_hour, count(*) FILTER (WHERE at > :minute) AS in_minute, min(at) AS earliest
    FROM ($arrived) AS a WHERE at > :hour) AS arrived
CROSS JOIN (
    SELECT count(*) AS in_hour, count(*) FILTER (WHERE at > :minute) AS in_minute, min(at) AS earliest
    FROM ($done) AS d WHERE at > :hour) AS done
LEFT JOIN LATERAL (SELECT * FROM waiting WHERE since <= :now ORDER BY since LIMIT 1) AS oldest ON true
