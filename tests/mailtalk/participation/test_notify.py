"""The notify rule as a table."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from mailtalk.participation.notify import why_not
from mailtalk.participation.rules import State
from mailtalk.vocabulary import Access, MessageType, Notify, Reason

USER, SYSTEM = MessageType.USER, MessageType.SYSTEM
NOW = datetime(2026, 1, 2, tzinfo=UTC)


@dataclass(frozen=True)
class Written:
    type: str = USER
    sender_id: str | None = "alice"
    mentions: list[str] = field(default_factory=list)
    origin: str = "rest"
    seq: int = 5


PLAIN, TO_BOB = Written(), Written(mentions=["carol", "bob"])
OWN = Written(sender_id="bob", mentions=["bob"])
OF_SYSTEM = Written(SYSTEM, None, ["bob"])
IMPORTED = Written(mentions=["bob"], origin="import")


def why(
    message: Written, notify: Notify = Notify.ALL, read_seq: int = 4, until: timedelta | None = None
) -> Reason | None:
    state = State(True, Access.READ_WRITE, notify, mute_until=None if until is None else NOW + until)
    return why_not("bob", state, read_seq, message, NOW)


@pytest.mark.parametrize(
    ("notify", "plain", "to_bob"),
    [
        (Notify.ALL, None, None),
        (Notify.MENTIONS_ONLY, Reason.NOT_MENTIONED, None),
        (Notify.OFF, Reason.NOTIFY_OFF, Reason.NOTIFY_OFF),
    ],
)
def test_which_messages_bob_is_mailed(notify: Notify, plain: Reason | None, to_bob: Reason | None) -> None:
    assert (why(PLAIN, notify), why(TO_BOB, notify)) == (plain, to_bob)
    assert why(OWN, notify) is Reason.OWN_MESSAGE
    assert why(OF_SYSTEM, notify) is why(IMPORTED, notify) is Reason.NEVER_NOTIFIES


@pytest.mark.parametrize("message", [PLAIN, TO_BOB, OWN, OF_SYSTEM])
@pytest.mark.parametrize("notify", Notify)
def test_who_takes_no_part_is_mailed_nothing(message: Written, notify: Notify) -> None:
    left, none = State(False, Access.READ_WRITE, notify), State(True, Access.NONE, notify)
    assert why_not("bob", left, 0, message, NOW) is Reason.LEFT
    assert why_not("bob", none, 0, message, NOW) is Reason.ACCESS_NONE


@pytest.mark.parametrize(
    ("until", "reason"), [(None, None), (timedelta(0), None), (timedelta(seconds=1), Reason.MUTED)]
)
def test_who_muted_the_conversation_is_not_mailed_until_then(until: timedelta | None, reason: Reason | None) -> None:
    assert why(TO_BOB, until=until) is reason


@pytest.mark.parametrize(("read_seq", "reason"), [(4, None), (5, Reason.ALREADY_READ)])
def test_what_was_read_is_not_mailed(read_seq: int, reason: Reason | None) -> None:
    assert why(TO_BOB, read_seq=read_seq) is reason
    assert why(OWN, read_seq=read_seq) is Reason.OWN_MESSAGE
