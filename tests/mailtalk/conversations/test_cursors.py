"""Pages of lists whose rows move and go between two pages: what stood still is listed once."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from sqlalchemy.orm import Session
from support.cast import Cast
from support.sql import rows
from support.statements import counted

from mailtalk import clock
from mailtalk.conversations import conversations, cursors, messages, pages, visibility
from mailtalk.conversations.pages import Listing
from mailtalk.errors import Invalid
from mailtalk.ids import ConversationKey

MANY = 12
EXAMPLES = count()
MAKE = """INSERT INTO conversations (app_id, id, created_at, last_message_at)
    SELECT :app, :name || i, :now + i * interval '1 s', :now + i * interval '1 s' FROM generate_series(10, 21) AS i"""
TAKE_PART = """INSERT INTO participations (app_id, conversation_id, user_id, present, access, notify, joined_at)
    SELECT app_id, id, 'alice', true, 'ReadWrite', 'All', created_at FROM conversations
    WHERE app_id = :app AND starts_with(id, :name)"""
CROWD = "INSERT INTO users (app_id, id, name) SELECT :app, :name || i, 'User' FROM generate_series(10, 21) AS i"
JOIN = """INSERT INTO participations (app_id, conversation_id, user_id, present, access, notify, joined_at)
    SELECT app_id, 'hello', id, true, 'ReadWrite', 'All', :now + right(id, 2)::int * interval '1 s' FROM users
    WHERE app_id = :app AND starts_with(id, :name)"""
MOVED = "UPDATE conversations SET last_message_at = :now + interval '1 day' * :i WHERE app_id = :app AND id = :id"
LEFT = "UPDATE participations SET sees = 'nothing', present = false WHERE app_id = :app AND conversation_id = :id"
LEAVE = "UPDATE participations SET present = false WHERE app_id = :app AND user_id = :id"
REJOINED = "UPDATE participations SET joined_at = :now + interval '1 day' * :i WHERE app_id = :app AND user_id = :id"
Page = Callable[[Session, str | None], Sequence[Any]]
# For each page that was listed: what happens next, and to which of the rows.
happenings = st.lists(
    st.lists(st.tuples(st.sampled_from(["move", "delete", "leave"]), st.integers(0, MANY - 1)), max_size=3), max_size=12
)
often = hypothesis(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def listed_once(  # noqa: PLR0913, PLR0917  a case is all of these
    cast: Cast, page: Page, ids: Sequence[str], limit: int, happen: Callable[[int, str, str], None], plan: Any
) -> None:
    """Page through a list while its rows move: each row that stood still is in it once."""
    steps, touched, seen, after = iter(plan), set(), Counter[str](), None
    for i in count(1):
        with cast.database.transaction() as session:
            found = list(page(session, after))
        seen.update(found)
        if len(found) < limit:
            break
        after = found[-1]
        for kind, n in next(steps, []):
            happen(i, kind, ids[n])
            touched.add(ids[n])
    assert {row: seen[row] for row in ids if row not in touched} == {row: 1 for row in ids if row not in touched}


@often
@given(st.booleans(), st.booleans(), st.integers(1, 4), happenings)
def test_conversations_that_stand_still_are_listed_once(
    cast: Cast, is_users: bool, descending: bool, limit: int, plan: Any
) -> None:
    name, now = f"e{next(EXAMPLES)}-", clock.now()
    values = {"app": cast.app_id, "name": name, "now": now}
    rows(cast.database, MAKE, **values)
    rows(cast.database, TAKE_PART, app=cast.app_id, name=name)
    gone: set[str] = set()

    def page(session: Session, after: str | None) -> Sequence[Any]:
        listing = Listing(limit, descending=descending, starting_after=after)
        if is_users:
            return [row.id for row in pages.of_user(session, cast.app_id, "alice", listing)]
        return [row.id for row in pages.of_app(session, cast.app_id, listing)]

    def happen(i: int, kind: str, row: str) -> None:
        key = ConversationKey(cast.app_id, row)
        if row in gone:
            return
        if kind == "delete":
            gone.add(row)
            with cast.database.transaction() as session:
                conversations.delete(session, key, now)
        else:
            rows(
                cast.database,
                MOVED if kind == "move" else LEFT,
                app=cast.app_id,
                id=row,
                **({"now": now, "i": i} if kind == "move" else {}),
            )

    ids = [f"{name}{i}" for i in range(10, 10 + MANY)]
    listed_once(cast, page, ids, limit, happen, plan)
    rows(cast.database, "DELETE FROM participations WHERE app_id = :app", app=cast.app_id)
    rows(cast.database, "DELETE FROM conversations WHERE app_id = :app AND id <> 'hello'", app=cast.app_id)


@often
@given(st.integers(1, 4), happenings)
def test_participants_that_stand_still_are_listed_once(cast: Cast, limit: int, plan: Any) -> None:
    name, now = f"u{next(EXAMPLES)}-", clock.now()
    rows(cast.database, CROWD, app=cast.app_id, name=name)
    rows(cast.database, JOIN, app=cast.app_id, name=name, now=now)

    def page(session: Session, after: str | None) -> Sequence[Any]:
        return [row.user_id for row in conversations.participants_page(session, cast.key, limit, after)]

    def happen(i: int, kind: str, row: str) -> None:
        moved = {"now": now, "i": i} if kind == "move" else {}
        rows(cast.database, REJOINED if kind == "move" else LEAVE, app=cast.app_id, id=row, **moved)

    listed_once(cast, page, [f"{name}{i}" for i in range(10, 10 + MANY)], limit, happen, plan)
    rows(cast.database, "DELETE FROM participations WHERE app_id = :app", app=cast.app_id)


@often
@given(st.integers(1, 4), happenings)
def test_messages_that_stand_still_are_listed_once(cast: Cast, limit: int, plan: Any) -> None:
    cast.join("alice")
    ids = [message.id for message in cast.say("alice", *map(str, range(MANY)))]
    gone: set[str] = set()

    def page(session: Session, after: str | None) -> Sequence[Any]:
        return [row.id for row in messages.page(session, cast.key, limit, after)]

    def happen(_i: int, _kind: str, row: str) -> None:
        if row not in gone:
            gone.add(row)
            with cast.database.transaction() as session:
                messages.delete(session, cast.key, row)

    listed_once(cast, page, ids, limit, happen, plan)
    rows(cast.database, "DELETE FROM messages WHERE app_id = :app", app=cast.app_id)


def test_a_deleted_conversation_that_ended_no_page_is_a_cursor_too(cast: Cast) -> None:
    rows(cast.database, MAKE, app=cast.app_id, name="c", now=clock.now())
    with cast.database.transaction() as session:
        conversations.delete(session, ConversationKey(cast.app_id, "c12"), clock.now())
    for order in ("lastActivity", "createdAt"):
        listing = Listing(2, order, descending=False, starting_after="c12")
        with cast.database.transaction() as session:
            assert [row.id for row in pages.of_app(session, cast.app_id, listing)] == ["c13", "c14"]


def test_the_statements_of_a_page_do_not_grow_and_a_page_that_is_read_again_writes_nothing(cast: Cast) -> None:
    rows(cast.database, MAKE, app=cast.app_id, name="c", now=clock.now())
    counts, versions = [], []
    for limit in (2, 12, 12):
        with counted(cast.database) as statements, cast.database.transaction() as session:
            assert len(visibility.of_app(session, cast.app_id, Listing(limit))) == limit
        counts.append(statements.counts)
        versions.append(rows(cast.database, "SELECT xmin::text FROM list_places ORDER BY moment"))
    assert len(set(counts)) == 1
    assert versions[1] == versions[2]


def test_places_are_the_apps_own_end_and_are_purged(cast: Cast) -> None:
    with cast.database.transaction() as session:
        cursors.keep_end(session, cast.app_id, "users", "erin", clock.now())
        assert cursors.moment(session, cast.app_id, "users", "erin")
        assert cursors.moment(session, "another", "users", "erin") is None
        assert cursors.purge(session, clock.now()) == 0
    rows(cast.database, "UPDATE list_places SET until = until - :hours", hours=timedelta(hours=2))
    with cast.database.transaction() as session:
        assert cursors.moment(session, cast.app_id, "users", "erin") is None
        assert cursors.purge(session, clock.now()) == 1
        with pytest.raises(Invalid):
            messages.page(session, cast.key, 10, "msg_none")
