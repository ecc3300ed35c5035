"""Many participants of the cast's conversation, straight into the tables."""

from support.cast import Cast
from support.sql import rows


def audience(cast: Cast, size: int) -> None:
    """So many take part beside the others, at seven domains."""
    rows(
        cast.database,
        """WITH u AS (INSERT INTO users (app_id, id, name, emails)
            SELECT :app, 'u' || i, 'U', ARRAY['u' || i || '@d' || i % 7 || '.example'] FROM generate_series(1, :n) i
            RETURNING app_id, id)
        INSERT INTO participations (app_id, conversation_id, user_id, present, access, notify, joined_at)
            SELECT app_id, 'hello', id, true, 'ReadWrite', 'All', now() FROM u""",
        app=cast.app_id,
        n=size,
    )
