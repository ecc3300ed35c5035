"""The notify rule as a table."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from mailtalk.notify import wants_mail
from mailtalk.participation import State
from mailtalk.vocabulary import Access, MessageType, Notify

USER, SYSTEM = MessageType.USER, MessageType.SYSTEM
NOW = datetime(2026, 1, 2, tzinfo=UTC)


@dataclass(frozen=True)
class Written:
    type: str = USER
    sender_id: str | None = "alice"
    mentions: list[str] = field(default_factory=list)
    origin: str = "rest"


PLAIN, TO_BOB = Written(), Written(mentions=["carol", "bob"])
OWN = Written(sender_id="bob", mentions=["bob"])
OF_SYSTEM = Written(SYSTEM, None, ["bob"])


@pytest.mark.parametrize(
    ("notify", "wanted"),
    [
        (Notify.ALL, {"plain", "to bob"}),
        (Notify.MENTIONS_ONLY, {"to bob"}),
        (Notify.OFF, set()),
    ],
)
@pytest.mark.parametrize("access", Access)
@pytest.mark.parametrize("present", [True, False])
def test_which_messages_bob_is_mailed(notify: Notify, wanted: set[str], access: Access, present: bool) -> None:
    messages = {"plain": PLAIN, "to bob": TO_BOB, "own": OWN, "system's": OF_SYSTEM}
    state = State(present, access, notify)
    mailed = {name for name, message in messages.items() if wants_mail("bob", state, message, NOW)}
    assert mailed == (wanted if present and access is not Access.NONE else set())


@pytest.mark.parametrize(("until", "mailed"), [(None, True), (timedelta(0), True), (timedelta(seconds=1), False)])
def test_who_muted_the_conversation_is_not_mailed_until_then(until: timedelta | None, mailed: bool) -> None:
    state = State(True, Access.READ_WRITE, Notify.ALL, mute_until=None if until is None else NOW + until)
    assert wants_mail("bob", state, TO_BOB, NOW) is mailed
