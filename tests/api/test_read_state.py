"""Read state: readBy reads all there is, readUntil up to a moment; what is read is not mailed."""

from typing import Any

import httpx
import pytest
from support.cast import Cast
from support.servers import Stack
from support.sql import column
from support.waiting import until

pytestmark = pytest.mark.usefixtures("alice_and_bob")
MESSAGES = "/conversations/hello/messages"
READ = "/conversations/hello/readBy/bob"
UNTIL = "/users/bob/conversations/hello"
PENDING = "SELECT count(*) FROM conversations WHERE app_id = :app AND window_due_at IS NOT NULL"


@pytest.fixture
def cast(stack: Stack) -> Cast:
    return stack.introduce()


def say(http: httpx.Client, text: str, sender: str = "alice") -> dict[str, Any]:
    answer = http.post(MESSAGES, json=[{"type": "UserMessage", "sender": sender, "text": text}])
    shown: dict[str, Any] = http.get(f"{MESSAGES}/{answer.json()[0]['id']}").json()
    return shown


def read_by_bob(http: httpx.Client) -> list[str]:
    return [each["text"] for each in http.get(MESSAGES).json()["data"] if "bob" in each["readBy"]]


def unread(http: httpx.Client) -> int:
    count: int = http.get("/users/bob/conversations").json()["data"][0]["unreadMessageCount"]
    return count


def test_read_by_reads_all_up_to_now(http: httpx.Client) -> None:
    for text in ("one", "two"):
        say(http, text)
    assert unread(http) == 2
    assert http.post(READ).json() == {}
    say(http, "three")
    assert (read_by_bob(http), unread(http)) == (["two", "one"], 1)


def test_own_messages_are_neither_unread_nor_read_by_their_sender(http: httpx.Client) -> None:
    say(http, "mine", "bob")
    assert unread(http) == 0
    http.post(READ)
    assert read_by_bob(http) == []


def test_posting_does_not_read_what_others_wrote(http: httpx.Client) -> None:
    say(http, "question")
    say(http, "another matter", "bob")
    assert (read_by_bob(http), unread(http)) == ([], 1)


def test_read_until_reads_what_was_created_until_then(http: httpx.Client) -> None:
    made = [say(http, text) for text in ("one", "two", "three")]
    body = {"readUntil": made[1]["createdAt"]}
    assert http.patch(UNTIL, json=body).json() == {}
    assert read_by_bob(http)[-2:] == ["two", "one"]
    if made[2]["createdAt"] > made[1]["createdAt"]:
        assert unread(http) == 1


def test_read_until_may_go_back(http: httpx.Client) -> None:
    say(http, "one")
    http.post(READ)
    http.patch(UNTIL, json={"readUntil": 0})
    assert unread(http) == 1
    http.patch(UNTIL, json={"readUntil": 253_402_300_799_000})
    assert unread(http) == 0


def test_nothing_given_changes_nothing(http: httpx.Client) -> None:
    say(http, "one")
    assert http.patch(UNTIL).json() == {}
    assert unread(http) == 1


@pytest.mark.parametrize("value", [-1, "now", 1.5, 10**18, True])
def test_a_wrong_moment_is_400(http: httpx.Client, value: object) -> None:
    answer = http.patch(UNTIL, json={"readUntil": value})
    assert (answer.status_code, list(answer.json()["reasons"])) == (400, ["readUntil"])


@pytest.mark.parametrize(
    ("user", "conversation", "code"),
    [
        ("carol", "hello", "PARTICIPANT_NOT_FOUND"),
        ("nobody", "hello", "USER_NOT_FOUND"),
        ("bob", "nowhere", "CONVERSATION_NOT_FOUND"),
    ],
)
def test_who_takes_no_part_is_404(http: httpx.Client, user: str, conversation: str, code: str) -> None:
    answers = [
        http.post(f"/conversations/{conversation}/readBy/{user}"),
        http.patch(f"/users/{user}/conversations/{conversation}", json={"readUntil": 1}),
        http.patch(f"/users/{user}/conversations/{conversation}"),
    ]
    assert [(each.status_code, each.json()["errorCode"]) for each in answers] == [(404, code)] * 3


def test_who_left_is_404(http: httpx.Client) -> None:
    http.delete("/conversations/hello/participants/bob")
    assert http.post(READ).json()["errorCode"] == "PARTICIPANT_NOT_FOUND"


def test_a_frozen_view_is_read_to_its_end_and_no_further(http: httpx.Client) -> None:
    say(http, "one")
    http.patch("/conversations/hello/participants/bob", json={"access": "None"})
    say(http, "two")
    http.post(READ)
    http.patch("/conversations/hello/participants/bob", json={"access": "ReadWrite"})
    assert (read_by_bob(http), unread(http)) == (["one"], 1)


def test_what_is_read_is_not_mailed(http: httpx.Client, stack: Stack, cast: Cast) -> None:
    http.put("/conversations/hello/participants/dave")
    say(http, "one")
    http.post(READ)
    mails = "SELECT user_id FROM deliveries WHERE app_id = :app"
    until(lambda: column(stack.database, PENDING, app=cast.app_id) == [0])
    until(lambda: column(stack.database, mails, app=cast.app_id))
    opened = "SELECT count(*) FROM notifications WHERE app_id = :app AND status = 'open'"
    until(lambda: column(stack.database, opened, app=cast.app_id) == [0])
    assert column(stack.database, mails, app=cast.app_id) == ["dave"]
