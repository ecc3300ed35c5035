"""Conversations: created and merged, with participants that are added and never overwritten."""

from typing import Any

import httpx
import pytest
from support.cast import Cast
from support.servers import Stack

NEW = "/conversations/new"
FULL = {"access": "ReadWrite", "notify": True}


@pytest.fixture
def cast(stack: Stack) -> Cast:
    return stack.introduce()


def put(http: httpx.Client, **fields: Any) -> dict[str, Any]:
    answer = http.put(NEW, json=fields)
    assert (answer.status_code, answer.json()) == (200, {}), answer.text
    content: dict[str, Any] = http.get(NEW).json()
    return content


def test_an_empty_put_makes_one(http: httpx.Client) -> None:
    got = put(http)
    assert got.pop("createdAt") > 1_700_000_000_000
    names = ("subject", "photoUrl", "welcomeMessages", "lastMessage", "everyoneReadUntil")
    assert got == {"id": "new", "topicId": "new", "custom": {}, "participants": {}} | dict.fromkeys(names)


def test_what_is_not_given_stays_and_null_clears(http: httpx.Client) -> None:
    put(http, subject="Hi", photoUrl="p", welcomeMessages=["a", "b"], custom={"a": "1", "b": "2"})
    got = put(http, photoUrl=None, custom={"a": None})
    assert (got["subject"], got["photoUrl"], got["welcomeMessages"]) == ("Hi", None, ["a", "b"])
    assert got["custom"] == {"b": "2"}
    assert put(http, custom=None)["custom"] == {}


def test_participants_are_added_and_never_overwritten(http: httpx.Client) -> None:
    assert put(http, participants=["alice", "bob", "alice"])["participants"] == {"alice": FULL, "bob": FULL}
    http.patch(f"{NEW}/participants/bob", json={"notify": False})
    got = put(http, participants=["bob", "carol"])["participants"]
    assert got == {"alice": FULL, "bob": FULL | {"notify": False}, "carol": FULL}


def test_an_unknown_participant_is_404(http: httpx.Client) -> None:
    answer = http.put(NEW, json={"participants": ["nobody"]})
    assert (answer.status_code, answer.json()["errorCode"]) == (404, "USER_NOT_FOUND")


def test_the_last_message_is_shown(http: httpx.Client) -> None:
    put(http, participants=["alice"])
    http.post(f"{NEW}/messages", json=[{"type": "UserMessage", "sender": "alice", "text": text} for text in ("a", "b")])
    assert http.get(NEW).json()["lastMessage"]["text"] == "b"


def test_the_conversations_of_two_apps_are_strangers(stack: Stack, http: httpx.Client) -> None:
    put(http)
    with stack.client(stack.introduce()) as other:
        assert other.get(NEW).status_code == 404
