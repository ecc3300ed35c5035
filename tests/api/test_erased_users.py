"""A user is erased by the API, and by nothing else; receivers of events are told."""

from typing import Any

import httpx
import pytest
from support.cast import Cast
from support.refusals import HELLO, MESSAGES, PART, SAY, reasons
from support.servers import Stack
from support.waiting import until

ERASED = "/users/alice"


@pytest.fixture
def cast(stack: Stack) -> Cast:
    return stack.introduce()


def done(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture(autouse=True)
def _said(http: httpx.Client) -> None:
    for user in ("alice", "bob"):
        done(http.put(f"{HELLO}/participants/{user}"))
    done(http.post(MESSAGES, json=[SAY]))


@pytest.mark.parametrize(("query", "count"), [("", 1), ("?messages=anonymise", 1), ("?messages=remove", 0)])
def test_an_erased_user_is_gone_and_their_messages_by_choice(http: httpx.Client, query: str, count: int) -> None:
    assert done(http.delete(ERASED + query)) == {}
    found = done(http.get(MESSAGES))["data"]
    assert [message["text"] for message in found] == ["hi"] * count
    assert all(message["senderId"] != "alice" for message in found)
    for path in (ERASED, PART, f"{PART}/email", f"{ERASED}/conversations"):
        assert http.get(path).status_code == 404
    assert done(http.get(HELLO))["participants"].keys() == {"bob"}
    answer = http.delete(ERASED)
    assert (answer.status_code, answer.json()["errorCode"]) == (404, "USER_NOT_FOUND")
    assert http.put(PART).json()["errorCode"] == "USER_NOT_FOUND"


def test_a_wrong_choice_is_named_and_erases_nobody(http: httpx.Client) -> None:
    assert list(reasons(http.delete(f"{ERASED}?messages=keep"))) == ["messages"]
    done(http.get(ERASED))


def test_a_list_of_users_goes_on_after_an_erased_one(http: httpx.Client) -> None:
    first = done(http.get("/users?limit=2"))["data"]
    done(http.delete(f"/users/{first[1]['id']}?messages=remove"))
    rest = done(http.get("/users", params={"startingAfter": first[1]["id"]}))["data"]
    assert sorted(user["id"] for user in (*first, *rest)) == ["alice", "bob", "carol", "dave"]


def test_receivers_are_told(http: httpx.Client) -> None:
    done(http.put("/webhooks/main", json={"url": "https://mailtalk.invalid/", "events": ["user.deleted"]}))
    done(http.delete(f"{ERASED}?messages=remove"))
    (told,) = until(lambda: [each for each in done(http.get("/webhooks/main/deliveries"))["data"] if each["attempts"]])
    assert (told["type"], told["conversationId"]) == ("user.deleted", None)
    assert told["reply"].startswith("URL not allowed")  # it was made and would have been sent
