-- Count a failed attempt at one change, which is put off; after the last attempt it has failed.
UPDATE changes SET attempts = attempts + 1, not_before = :later,
    status = CASE WHEN attempts + 1 >= :most THEN $ChangeStatus.FAILED ELSE status END,
    error_code = CASE WHEN attempts + 1 >= :most THEN :code END
WHERE id = :id AND status = $ChangeStatus.PENDING RETURNING status
