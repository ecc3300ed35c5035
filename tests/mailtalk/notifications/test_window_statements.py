"""The number of statements does not grow with the conversations whose windows close."""

import pytest
from sqlalchemy import text
from support.cast import Cast
from support.outbox import START, at
from support.sql import column
from support.statements import counted

from mailtalk.notifications import windows
from mailtalk.notifications.windows import WINDOWS

CROWD = """
    WITH c AS (
        INSERT INTO conversations (app_id, id, custom, last_seq, window_opened_at, window_due_at, window_from_seq)
        SELECT :app, :name || i, '{}', 1, :now, :now, 1 FROM generate_series(1, :size) AS i RETURNING id),
    p AS (
        INSERT INTO participations (app_id, conversation_id, user_id, present, access, notify, joined_at)
        SELECT :app, c.id, u.id, true, 'ReadWrite', 'All', :now FROM c, users u WHERE u.app_id = :app)
    INSERT INTO messages (app_id, conversation_id, seq, id, type, sender_id, text, origin, created_at)
    SELECT :app, c.id, 1, c.id, 'UserMessage', 'alice', 'hi', 'rest', :now FROM c"""
OPEN = "SELECT count(*) FROM notifications WHERE status = 'open'"


def crowd(cast: Cast, name: str, size: int) -> None:
    """So many conversations of Alice, Bob, Carol and Dave, in which Alice wrote, whose windows are due."""
    with cast.database.transaction() as session:
        session.execute(text(CROWD), {"app": cast.app_id, "name": name, "size": size, "now": START})


def close(cast: Cast) -> int:
    with cast.database.transaction() as session:
        return windows.close_windows(session, at(1))


def test_windows_are_closed_by_the_same_statements_however_many_they_are(cast: Cast) -> None:
    counts = set()
    for size in (1, 10, 100):
        crowd(cast, f"{size}-", size)
        with counted(cast.database) as statements:
            assert close(cast) == size
        counts.add(statements.counts)
    assert len(counts) == 1, counts
    assert column(cast.database, OPEN) == [3 * 111]


def test_more_windows_than_fit_are_closed_by_the_next_call(cast: Cast) -> None:
    crowd(cast, "c", WINDOWS + 1)
    assert [close(cast), close(cast), close(cast)] == [WINDOWS, 1, 0]
    assert column(cast.database, OPEN) == [3 * (WINDOWS + 1)]


def test_large_conversations_are_settled_apart(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "PARTICIPANTS", 10)
    crowd(cast, "c", 7)
    assert close(cast) == 7
    assert column(cast.database, OPEN) == [21]
