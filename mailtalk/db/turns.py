"""Turns of apps at a queue: each app with due rows gets an equal share of a batch, however many rows others have.

The SQL steps from app to app in an index on (app_id, due) of the queue's rows (a loose index scan), so that its cost
grows with the apps that wait, and not with their rows. An app's own rows are taken in order of their due time.
"""


def heads(table: str, queue: str, due: str) -> str:
    """SQL for each app with rows in the queue, and its first due time: columns `app_id` and `due`."""
    first = f"""SELECT app_id, {due} AS due FROM {table} WHERE {queue} $next ORDER BY app_id, {due} LIMIT 1"""  # noqa: S608  ours
    return f"""
        WITH RECURSIVE head AS (
            ({first.replace("$next", "")})
            UNION ALL
            SELECT next.* FROM head CROSS JOIN LATERAL ({first.replace("$next", "AND app_id > head.app_id")}) AS next)
        SELECT app_id, due FROM head"""  # noqa: S608  ours


def turn(table: str, queue: str, due: str) -> str:
    """SQL for the apps that take part in a batch of `:limit` rows due at `:now`, those that wait longest first."""
    return f"""
        SELECT app_id FROM ({heads(table, queue, due)}) AS head
        WHERE due <= :now ORDER BY due LIMIT :limit"""  # noqa: S608  ours


# Each app's share of the batch, for LIMIT, in a statement whose WITH query `turn` is made by the function.
SHARE = "(SELECT greatest(CAST(:limit AS integer) / greatest(count(*), 1), 1) FROM turn)"
