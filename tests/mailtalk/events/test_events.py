"""Events: written with what made them true, for those who want them, in TalkJS's shapes."""

from typing import Any

import pytest
from support.cast import QUICK, Cast
from support.sql import rows
from support.webhook_receiver import subscribe

from mailtalk import clock
from mailtalk.conversations import conversations, history, messages, read_state, users
from mailtalk.conversations.drafts import Draft
from mailtalk.conversations.history import Old
from mailtalk.errors import Invalid
from mailtalk.keys import Keyring
from mailtalk.participation.rules import Request
from mailtalk.vocabulary import Access, Actor, ChangeKind, EventType, MessageType, Notify, Origin
from mailtalk.webhooks import endpoints

URL = "http://127.0.0.1/"


@pytest.fixture
def cast(cast: Cast, keyring: Keyring) -> Cast:
    subscribe(cast, keyring, URL)
    return cast


def told(cast: Cast) -> list[Any]:
    """Type, conversation and data of each event, in order."""
    return [tuple(row) for row in rows(cast.database, "SELECT type, conversation_id, data FROM events ORDER BY id")]


def types(cast: Cast) -> list[str]:
    return [kind for kind, _, _ in told(cast)]


def test_users(cast: Cast) -> None:
    with cast.database.transaction() as session:
        users.put(session, cast.app_id, "erin", {"name": "Erin", "custom": {"a": "b"}})
    with cast.database.transaction() as session:
        users.put(session, cast.app_id, "erin", {"name": "Erin", "custom": {"a": "b"}})  # the same
        users.put_many(session, cast.app_id, {"alice": {"name": "Al"}, "frank": {"name": "Frank"}})
    assert types(cast) == ["user.created", "user.updated", "user.created"]
    assert told(cast)[0][1:] == (None, {"user": users_shape("erin", "Erin", {"a": "b"}, told(cast)[0])})


def users_shape(user_id: str, name: str, custom: dict[str, str], event: Any) -> dict[str, Any]:
    empty = ("email", "phone", "photoUrl", "welcomeMessage", "locale", "role", "timeZone")
    empty += ("availabilityText", "headerPhotoUrl")
    made = {"id": user_id, "name": name, "custom": custom, "pushTokens": {}, "createdAt": event[2]["user"]["createdAt"]}
    return made | dict.fromkeys(empty)


def test_participants_are_told_of_once_and_only_of_what_changed(cast: Cast) -> None:
    cast.join("alice")
    cast.join("alice")  # the same
    cast.change("alice", Request(ChangeKind.UPDATE, notify=Notify.OFF, by=Actor.PARTICIPANT))
    cast.change("alice", Request(ChangeKind.ROTATE))  # nobody else's business
    cast.change("alice", Request(ChangeKind.UPDATE, access=Access.NONE))
    cast.leave("alice")  # was gone already
    cast.leave("bob")  # never came
    assert types(cast) == ["participant.joined", "participant.updated", "participant.left"]
    joined, updated, left = (data for _, _, data in told(cast))
    assert (joined["user"]["id"], joined["conversation"]["subject"]) == ("alice", "Hello")
    assert updated["participant"] == {"access": "ReadWrite", "notify": False, "frequency": "default", "muteUntil": None}
    assert left["participant"]["access"] == "None"
    assert [data["by"] for data in (joined, updated, left)] == ["backend", "participant", "backend"]


def test_who_came_and_went_before_anybody_looked_is_not_told_of(cast: Cast) -> None:
    for kind in (ChangeKind.JOIN, ChangeKind.LEAVE):
        cast.accept("alice", Request(kind))
    cast.apply()
    assert types(cast) == []


def test_messages(cast: Cast) -> None:
    cast.join("alice", "bob")
    (said,) = cast.say("alice", "Hello <!!mention:bob|Bob>")
    place = (cast.key, said.id)
    with cast.database.transaction() as session:
        messages.edit(session, clock.now(), *place, {"text": "Hi"})
        messages.edit(session, clock.now(), *place, {})
    with cast.database.transaction() as session:
        read_state.read_all(session, cast.participant("bob"))
        read_state.read_all(session, cast.participant("bob"))
        read_state.read_all(session, cast.participant("alice"))  # her own
    with cast.database.transaction() as session:
        messages.delete(session, *place)
    with cast.database.transaction() as session:
        conversations.delete(session, cast.key, clock.now())
    assert types(cast)[2:] == [
        "message.sent",
        "message.updated",
        "message.read",
        "message.deleted",
        "conversation.deleted",
    ]
    assert {place for _, place, _ in told(cast)} == {"hello"}
    sent, updated, read, deleted, gone = (data for _, _, data in told(cast)[2:])
    assert sent.keys() == updated.keys() == deleted.keys() == {"conversation", "message", "sender"}
    assert (sent["message"]["id"], sent["message"]["senderId"], sent["sender"]["name"]) == (said.id, "alice", "Alice")
    assert sent["conversation"]["participants"]["bob"] == {"access": "ReadWrite", "notify": True}
    assert (updated["message"]["text"], deleted["message"]["readBy"]) == ("Hi", ["bob"])
    assert (read["recipient"]["id"], read["message"]["readBy"]) == ("bob", ["bob"])
    assert gone.keys() == {"conversation"}


def test_imported_messages_and_repeats_of_a_key_are_not_sent(cast: Cast) -> None:
    draft = Draft(MessageType.SYSTEM, "Then", Origin.IMPORT)
    again = Draft(MessageType.SYSTEM, "Now", Origin.REST, idempotency_key="k")
    with cast.database.transaction() as session:
        conversation = conversations.lock(session, cast.key)
        history.add(session, conversation, [Old(draft, clock.now())])
    for _ in range(2):
        with cast.database.transaction() as session:
            conversation = conversations.lock(session, cast.key)
            messages.post(session, clock.now(), QUICK, conversation, [again])
    assert [(kind, data["message"]["text"], data["sender"]) for kind, _, data in told(cast)] == [
        ("message.sent", "Now", None)
    ]


def test_a_transaction_that_fails_leaves_no_event(cast: Cast) -> None:
    with pytest.raises(Invalid), cast.database.transaction() as session:
        users.put_many(session, cast.app_id, {"erin": {"name": "Erin"}, "frank": {}})
    assert types(cast) == []


@pytest.mark.parametrize("status", ["deleted", "disabled", "paused", "picky"])
def test_what_nobody_wants_is_not_written(cast: Cast, keyring: Keyring, status: str) -> None:
    with cast.database.transaction() as session:
        if status == "deleted":
            endpoints.delete(session, clock.now(), cast.app_id, "main")
        elif status != "picky":
            endpoints.get(session, cast.app_id, "main").status = status
    if status == "picky":
        subscribe(cast, keyring, URL, EventType.USER_CREATED)
    with cast.database.transaction() as session:
        users.put(session, cast.app_id, "alice", {"name": "Al"})
    assert types(cast) == (["user.updated"] if status == "paused" else [])


def test_a_crowd_is_not_in_the_payload(cast: Cast) -> None:
    rows(
        cast.database,
        """WITH crowd AS (INSERT INTO users (app_id, id, name)
            SELECT 'demo', 'u' || i, 'U' FROM generate_series(1, 1001) i RETURNING id)
        INSERT INTO participations (app_id, conversation_id, user_id, present, access, notify, joined_at)
        SELECT 'demo', 'hello', id, true, 'ReadWrite', 'All', now() FROM crowd""",
    )
    cast.say("u1", "Hello")
    assert told(cast)[0][2]["conversation"]["participants"] is None
