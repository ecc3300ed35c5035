"""How an asynchronous change answers, and the log in which it is seen."""

from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.cast import Cast
from support.servers import Stack
from support.waiting import until

from api.intake import LONGEST_WAIT, patience

ALICE = "/conversations/hello/participants/alice"
BOB = "/conversations/hello/participants/bob"


@pytest.fixture
def cast(stack: Stack) -> Cast:
    return stack.introduce()


def log(http: httpx.Client, **query: Any) -> list[dict[str, Any]]:
    answer = http.get("/changes", params={"conversationId": "hello", **query})
    assert answer.status_code == 200, answer.text
    data: list[dict[str, Any]] = answer.json()["data"]
    return data


def change(http: httpx.Client, answer: httpx.Response) -> dict[str, Any]:
    content: dict[str, Any] = http.get("/changes/" + answer.headers["Operation-Location"].rpartition("/")[2]).json()
    return content


# the answer


def test_a_change_is_answered_when_it_is_applied_and_says_where_it_is_seen(http: httpx.Client, cast: Cast) -> None:
    answer = http.put(ALICE)
    assert (answer.status_code, answer.json()) == (200, {})
    seen = change(http, answer)
    assert answer.headers["Operation-Location"] == f"/v1/{cast.app_id}/changes/{seen['id']}"
    assert (seen["kind"], seen["status"], seen["userId"]) == ("join", "applied", "alice")
    assert seen["requestedAt"] <= seen["appliedAt"]


@pytest.mark.parametrize("prefer", ["respond-async", "wait=0", "Respond-Async; x", 'foo, wait="0"'])
def test_who_prefers_not_to_wait_gets_202_and_the_change(http: httpx.Client, prefer: str) -> None:
    answer = http.put(ALICE, headers={"Prefer": prefer})
    content = answer.json()
    assert (answer.status_code, content["status"], content["appliedAt"]) == (202, "pending", None)
    assert answer.headers["Operation-Location"].endswith(f"/changes/{content['id']}")
    until(lambda: change(http, answer)["status"] == "applied")


def test_respond_async_refuses_at_once_what_is_known_to_be_wrong(http: httpx.Client) -> None:
    answer = http.put("/conversations/hello/participants/nobody", headers={"Prefer": "respond-async"})
    assert (answer.status_code, answer.json()["errorCode"]) == (404, "USER_NOT_FOUND")


def test_a_refusal_that_came_later_is_seen_in_the_change(http: httpx.Client) -> None:
    answer = http.patch(ALICE, headers={"Prefer": "respond-async"})
    seen = until(lambda: (found := change(http, answer))["status"] != "pending" and found)
    assert (seen["status"], seen["errorCode"]) == ("rejected", "PARTICIPANT_NOT_FOUND")


def test_prefer_may_come_in_several_lines(http: httpx.Client) -> None:
    headers = [("Prefer", "handling=lenient"), ("Prefer", "respond-async")]
    assert http.request("PUT", ALICE, headers=headers).status_code == 202


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        ("", 5),
        ("wait=0", 0),
        ("wait=7", 7),
        ("WAIT = 7", 7),
        ('wait="7"', 7),
        ("wait=7, wait=9", 7),
        ("respond-async", 0),
        ("respond-async, wait=3", 3),  # RFC 7240 4.3: asynchronously, if it takes longer
        ("wait=3; respond-async", 3),
        ("wait=61", LONGEST_WAIT),
        ("wait=999999999999999999", LONGEST_WAIT),
        ("wait=" + "9" * 5000, 5),
        ("wait=-1", 5),
        ("wait=1.5", 5),
        ("wait=٣", 5),
        ("wait=", 5),
        ("wait", 5),
        ("return=minimal", 5),
    ],
)
def test_how_long_a_request_waits(prefer: str, seconds: float) -> None:
    assert patience(prefer, 5) == seconds


@given(st.text())
def test_no_preference_is_an_error(prefer: str) -> None:
    assert 0 <= patience(prefer, 5) <= LONGEST_WAIT


# the log


def test_the_log_is_newest_first_with_what_was_asked_for(http: httpx.Client) -> None:
    http.put(ALICE, json={"notify": "MentionsOnly", "access": "Read", "frequency": "daily"})
    http.patch(BOB, json={"muteUntil": None})
    http.delete(ALICE, headers={"TalkJS-REST-Version": "2021-01-01"})
    left, update, join = log(http)
    assert [each.pop("appliedSeq") for each in (left, update, join)] == [3, 2, 1]
    assert [join.pop(name) for name in ("access", "notify", "frequency")] == ["Read", "MentionsOnly", "daily"]
    assert (update["status"], update["errorCode"]) == ("rejected", "PARTICIPANT_NOT_FOUND")
    assert update.pop("muteUntil", 0) is None
    for each in (left, update, join):
        assert http.get(f"/changes/{each['id']}").json() == each
    assert [left["kind"], update["kind"], join["kind"]] == ["leave", "update", "join"]


def test_the_log_is_paged_and_asked_for_a_user(http: httpx.Client) -> None:
    for path in (ALICE, BOB, ALICE, BOB, ALICE):
        http.put(path)
    ids = [each["id"] for each in log(http)]
    assert [each["id"] for each in log(http, limit=2)] == ids[:2]
    assert [each["id"] for each in log(http, limit=2, startingAfter=ids[1])] == ids[2:4]
    assert log(http, startingAfter=ids[-1]) == []
    assert [each["userId"] for each in log(http, userId="bob")] == ["bob", "bob"]
    assert [each["id"] for each in log(http, userId="bob", startingAfter=ids[1])] == [ids[3]]
    assert log(http, userId="nobody") == []


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({}, "conversationId"),
        ({"conversationId": ""}, "conversationId"),
        ({"conversationId": "a\x00"}, "conversationId"),
        ({"conversationId": "hello", "userId": ""}, "userId"),
        ({"conversationId": "hello", "limit": "1000"}, "limit"),
        ({"conversationId": "hello", "startingAfter": "5"}, "startingAfter"),
        ({"conversationId": "hello", "startingAfter": "chg_999999999"}, "startingAfter"),
        ({"conversationId": "hello", "startingAfter": "chg_" + "9" * 30}, "startingAfter"),
    ],
)
def test_a_wrong_query_of_the_log_is_400_and_names_it(http: httpx.Client, query: dict[str, str], name: str) -> None:
    answer = http.get("/changes", params=query)
    assert (answer.status_code, list(answer.json()["reasons"])) == (400, [name])


def test_the_log_of_an_unknown_conversation_is_404(http: httpx.Client) -> None:
    answer = http.get("/changes", params={"conversationId": "nothing"})
    assert (answer.status_code, answer.json()["errorCode"]) == (404, "CONVERSATION_NOT_FOUND")


@pytest.mark.parametrize("name", ["chg_1000000000", "chg_x", "x", "chg_" + "9" * 40, "chg_-1"])
def test_an_unknown_change_is_404(http: httpx.Client, name: str) -> None:
    assert http.get(f"/changes/{name}").status_code == 404


def test_a_change_of_another_app_is_404(http: httpx.Client, stack: Stack) -> None:
    answer = http.put(ALICE)
    with stack.client(stack.introduce()) as other:
        assert other.get("/changes/" + answer.headers["Operation-Location"].rpartition("/")[2]).status_code == 404
