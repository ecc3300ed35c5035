-- Count a failed attempt at one change and delay the next; after the last attempt the change is failed.
UPDATE changes SET attempts = attempts + 1, not_before = :later,
    status = CASE WHEN attempts + 1 >= :most THEN $ChangeStatus.FAILED ELSE status END,
    error_code = CASE WHEN attempts + 1 >= :most THEN :code END
WHERE id = :id AND status = $ChangeStatus.PENDING RETURNING status
