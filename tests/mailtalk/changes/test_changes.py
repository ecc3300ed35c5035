"""The log of changes: what is accepted, and in which order."""

import pytest
from support.cast import Cast
from support.sql import rows

from mailtalk import clock
from mailtalk.changes import log as change_log
from mailtalk.changes.log import Requested
from mailtalk.errors import NotFound
from mailtalk.ids import ParticipantKey
from mailtalk.participation.rules import Request
from mailtalk.vocabulary import Access, ChangeKind, Notify

JOIN, LEAVE = Request(ChangeKind.JOIN), Request(ChangeKind.LEAVE)


@pytest.mark.parametrize(
    ("user", "conversation", "request_", "code"),
    [
        ("alice", "nowhere", JOIN, "CONVERSATION_NOT_FOUND"),
        ("nobody", "nowhere", JOIN, "CONVERSATION_NOT_FOUND"),
        ("nobody", "hello", JOIN, "USER_NOT_FOUND"),
        ("nobody", "hello", Request(ChangeKind.UPDATE), "USER_NOT_FOUND"),
        ("nobody", "nowhere", LEAVE, "CONVERSATION_NOT_FOUND"),
    ],
)
def test_the_unknown_is_refused_and_not_stored(
    cast: Cast, user: str, conversation: str, request_: Request, code: str
) -> None:
    refusal = cast.accept(user, request_, conversation)
    assert isinstance(refusal, NotFound)
    assert refusal.code == code
    assert not rows(cast.database, "SELECT 1 FROM changes")


def test_anybody_may_leave_even_who_does_not_exist(cast: Cast) -> None:
    assert cast.change("nobody", LEAVE) is None
    assert cast.change("alice", LEAVE) is None


def test_an_app_does_not_see_another_ones_conversations(cast: Cast) -> None:
    asked = Requested(ParticipantKey.of("other", "hello", "alice"), JOIN, clock.now())
    with cast.database.transaction() as session:
        assert isinstance(change_log.accept(session, [asked])[0], NotFound)


def test_a_batch_keeps_its_order_and_refusals_stand_in_their_places(cast: Cast) -> None:
    users = ["dave", "nobody", "bob", "alice", "nobody", "carol", "bob"]
    asked = [Requested(cast.participant(user), JOIN, clock.now()) for user in users]
    with cast.database.transaction() as session:
        answers = change_log.accept(session, asked)
    assert [isinstance(answer, NotFound) for answer in answers] == [user == "nobody" for user in users]
    stored = rows(cast.database, "SELECT id, user_id FROM changes ORDER BY id")
    known = [(answer, user) for answer, user in zip(answers, users, strict=True) if isinstance(answer, int)]
    assert [tuple(row) for row in stored] == known


def test_everything_asked_for_is_kept(cast: Cast) -> None:
    cast.accept("bob", Request(ChangeKind.UPDATE, Access.READ, Notify.MENTIONS_ONLY))
    row = rows(cast.database, "SELECT kind, access, notify, status, applied_seq FROM changes")[0]
    assert tuple(row) == ("update", "Read", "MentionsOnly", "pending", None)


def test_only_what_ended_is_told(cast: Cast) -> None:
    first = cast.accept("bob", JOIN)
    assert isinstance(first, int)
    cast.apply()
    second = cast.accept("carol", JOIN)
    assert isinstance(second, int)
    asked = [(cast.app_id, first), (cast.app_id, second), (cast.app_id, 10**15), ("other", first)]
    with cast.database.transaction() as session:
        assert [each.id for each in change_log.ended(session, asked)] == [first]


def test_nothing_accepted_is_nothing_done(cast: Cast) -> None:
    with cast.database.transaction() as session:
        assert change_log.accept(session, []) == []
