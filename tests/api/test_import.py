"""Import: old messages at their old times, in the lists in the order of time, and no mail for any of them."""

from typing import Any

import httpx
import pytest
from support.cast import Cast
from support.servers import Stack
from support.sql import column
from support.waiting import until

pytestmark = pytest.mark.usefixtures("alice_and_bob")
IMPORT = "/import/conversations/hello/messages"
MESSAGES = "/conversations/hello/messages"
THEN = 1_509_132_622_706
WINDOW = "SELECT count(*) FROM conversations WHERE app_id = :app AND window_due_at IS NOT NULL"
OPEN = "SELECT count(*) FROM notifications WHERE app_id = :app AND status = 'open'"
MAILED = "SELECT user_id FROM deliveries WHERE app_id = :app"


@pytest.fixture
def cast(stack: Stack) -> Cast:
    return stack.introduce()


def old(text: str, after: int = 0, sender: str = "alice", **more: Any) -> dict[str, Any]:
    base = {"type": "UserMessage", "text": text, "sender": sender, "timestamp": THEN + after, "readBy": []}
    return {**base, **more}


def listed(http: httpx.Client, **query: Any) -> list[dict[str, Any]]:
    data: list[dict[str, Any]] = http.get(MESSAGES, params=query).json()["data"]
    return data


def test_imported_messages_stand_where_their_time_puts_them(http: httpx.Client) -> None:
    http.post(MESSAGES, json=[{"type": "UserMessage", "sender": "bob", "text": "now"}])
    sent = [old("second", 2, custom={"a": "b"}), old("first", 1, "carol", readBy=["bob"])]
    answer = http.post(IMPORT, json=sent)
    assert answer.status_code == 200, answer.text
    shown = listed(http)
    assert [each["text"] for each in shown] == ["now", "second", "first"]
    assert [each["id"] for each in shown[1:]] == [each["id"] for each in answer.json()]
    first = shown[2]
    assert (first["origin"], first["createdAt"], first["senderId"]) == ("import", THEN + 1, "carol")
    assert (first["readBy"], shown[1]["readBy"], shown[1]["custom"]) == (["bob"], [], {"a": "b"})
    assert http.get("/conversations/hello").json()["lastMessage"]["text"] == "now"


def test_pages_go_by_time_too(http: httpx.Client) -> None:
    http.post(MESSAGES, json=[{"type": "UserMessage", "sender": "bob", "text": "now"}])
    http.post(IMPORT, json=[old(f"{i}", i % 3) for i in range(6)])
    whole = [each["text"] for each in listed(http)]
    assert whole == ["now", "5", "2", "4", "1", "3", "0"]
    paged, last = [], listed(http, limit=1)
    while last:
        paged += last
        last = listed(http, limit=2, startingAfter=paged[-1]["id"])
    assert [each["text"] for each in paged] == whole


def test_nobody_is_notified_of_an_import(http: httpx.Client, stack: Stack, cast: Cast) -> None:
    http.post(IMPORT, json=[old("<!!mention:bob|Bob> long ago")])
    assert column(stack.database, WINDOW, app=cast.app_id) == [0]
    http.put("/conversations/hello/participants/carol")
    http.post(MESSAGES, json=[{"type": "UserMessage", "sender": "bob", "text": "now"}])
    http.post(IMPORT, json=[old("again", sender="carol")])
    until(lambda: column(stack.database, WINDOW, app=cast.app_id) == [0])
    until(lambda: column(stack.database, OPEN, app=cast.app_id) == [0])
    assert sorted(column(stack.database, MAILED, app=cast.app_id)) == ["alice", "carol"]  # of Bob's, not of Carol's


def test_read_by_moves_the_mark_of_who_had_read_everything(http: httpx.Client) -> None:
    http.post(IMPORT, json=[old("one", 1, readBy=["bob"]), old("two", 2, readBy=["bob"]), old("three", 3)])
    assert http.get("/users/bob/conversations").json()["data"][0]["unreadMessageCount"] == 1


def test_read_by_does_not_read_what_is_new(http: httpx.Client) -> None:
    http.post(MESSAGES, json=[{"type": "UserMessage", "sender": "alice", "text": "now"}])
    http.post(IMPORT, json=[old("then", readBy=["bob"])])
    assert [each["readBy"] for each in listed(http)] == [[], ["bob"]]


def test_the_system_may_have_spoken(http: httpx.Client) -> None:
    message = {"type": "SystemMessage", "text": "Sold", "timestamp": THEN}
    assert http.post(IMPORT, json=[message]).status_code == 200
    assert listed(http)[0]["senderId"] is None


def test_a_repeated_key_is_imported_once(http: httpx.Client) -> None:
    answers = [http.post(IMPORT, json=[old("x", idempotencyKey="k", readBy=["bob"])]).content for _ in range(2)]
    assert answers[0] == answers[1]
    assert len(listed(http)) == 1


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ([], "body"),
        ([old("x")] * 101, "body"),
        ([old("x", sender="nobody")], "0.sender"),
        ([old("x"), old("y", readBy=["nobody"])], "1.readBy"),
        ([old("x", timestamp=-1)], "0.timestamp"),
        ([old("x", timestamp="2017")], "0.timestamp"),
        ([old("x", timestamp=4_000_000_000_000)], "0.timestamp"),
        ([{"type": "UserMessage", "text": "x", "sender": "alice"}], "0.createdAt"),
        ([old("x", type="Other")], "0.type"),
        ([old("")], "0.text"),
    ],
)
def test_a_wrong_import_is_400_and_imports_nothing(http: httpx.Client, wrong: object, field: str) -> None:
    answer = http.post(IMPORT, json=wrong)
    assert answer.status_code == 400, answer.text
    assert list(answer.json()["reasons"]) == [field]
    assert listed(http) == []


def test_an_unknown_conversation_is_404(http: httpx.Client) -> None:
    answer = http.post("/import/conversations/nowhere/messages", json=[old("x")])
    assert (answer.status_code, answer.json()["errorCode"]) == (404, "CONVERSATION_NOT_FOUND")
