"""Messages on the wire: what POST takes and refuses, and get, list, edit, delete."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from support.cast import Cast
from support.servers import Stack
from support.sql import column
from support.waiting import until

pytestmark = pytest.mark.usefixtures("alice_and_bob")
MESSAGES = "/conversations/hello/messages"
MAILS = "SELECT count(*) FROM deliveries WHERE app_id = :app AND user_id = :user"
OPEN = """SELECT count(*) FROM conversations WHERE app_id = :app AND window_due_at IS NOT NULL"""


@pytest.fixture
def cast(stack: Stack) -> Cast:
    return stack.introduce()


def message(text: str = "Hello", sender: str = "alice", **more: Any) -> dict[str, Any]:
    return {"type": "UserMessage", "sender": sender, "text": text, **more}


def say(http: httpx.Client, *messages: dict[str, Any]) -> list[str]:
    answer = http.post(MESSAGES, json=messages)
    assert answer.status_code == 200, answer.text
    return [each["id"] for each in answer.json()]


def texts(http: httpx.Client, **query: Any) -> list[str]:
    return [each["text"] for each in http.get(MESSAGES, params=query).json()["data"]]


def test_get_shows_all_that_post_gave(http: httpx.Client) -> None:
    first = say(http, message())[0]
    given = {
        "custom": {"order": "12"},
        "attachment": {"url": "https://files.example/a.pdf", "size": 10},
        "location": [52.37, -4.9],
        "referencedMessageId": first,
    }
    second = say(http, message("See this", "bob", **given))[0]
    shown = http.get(f"{MESSAGES}/{second}").json()
    assert shown.pop("createdAt") > 1_600_000_000_000
    assert shown == {
        "id": second,
        "conversationId": "hello",
        "type": "UserMessage",
        "senderId": "bob",
        "text": "See this",
        "readBy": [],
        "origin": "rest",
        "editedAt": None,
        "reactions": [],
        "content": [
            {"type": "text", "children": ["See this"]},
            {"type": "location", "latitude": 52.37, "longitude": -4.9},
            {"type": "file", **given["attachment"]},
        ],
        **given,
    }


def test_a_file_or_a_place_needs_no_text(http: httpx.Client) -> None:
    file = {"type": "UserMessage", "sender": "alice", "attachment": {"url": "http://x.example/f", "size": 0}}
    place = {"type": "SystemMessage", "location": [0, 0]}
    say(http, file, place)
    assert texts(http) == ["", ""]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ([], "body"),
        ([message()] * 11, "body"),
        (message(), "body"),
        ([message(text="")], "0.text"),
        ([{"type": "UserMessage", "sender": "alice"}], "0.text"),
        ([message(), message(text=None)], "1.text"),
        ([{"type": "UserMessage", "text": "x"}], "0.sender"),
        ([{"type": "SystemMessage", "text": "x", "sender": "alice"}], "0.sender"),
        ([message(sender="carol")], "0.sender"),
        ([message(sender="nobody")], "0.sender"),
        ([message(type="Message")], "0.type"),
        ([message(), message(referencedMessageId="msg_x")], "1.referencedMessageId"),
        ([message(custom={"a": 1})], "0.custom"),
        ([message(location=[91, 0])], "0.location"),
        ([message(location=[1])], "0.location"),
        ([message(attachment={"url": "javascript:x", "size": 1})], "0.attachment.url"),
        ([message(attachment={"url": "https://x.example"})], "0.attachment.size"),
        ([message(attachmentToken="abc")], "0.attachmentToken"),
        ([message(idempotencyKey="k" * 256)], "0.idempotencyKey"),
    ],
)
def test_a_wrong_message_is_400_and_names_the_field(http: httpx.Client, wrong: object, field: str) -> None:
    answer = http.post(MESSAGES, json=wrong)
    assert answer.status_code == 400, answer.text
    assert list(answer.json()["reasons"]) == [field]
    assert texts(http) == []


def test_a_reference_must_be_of_the_same_conversation(http: httpx.Client) -> None:
    http.put("/conversations/other", json={})
    there = http.post("/conversations/other/messages", json=[{"type": "SystemMessage", "text": "x"}]).json()[0]["id"]
    answer = http.post(MESSAGES, json=[message(referencedMessageId=there)])
    assert there in answer.json()["reasons"]["0.referencedMessageId"][0]


@pytest.mark.parametrize(("method", "body"), [("GET", None), ("PUT", {"text": "x"}), ("DELETE", None)])
def test_an_unknown_message_is_404(http: httpx.Client, method: str, body: object) -> None:
    http.put("/conversations/other", json={})
    elsewhere = say(http, message())[0]
    for path in (f"{MESSAGES}/msg_none", f"/conversations/other/messages/{elsewhere}"):
        answer = http.request(method, path, json=body)
        assert (answer.status_code, answer.json()["errorCode"]) == (404, "MESSAGE_NOT_FOUND")
    answer = http.request(method, "/conversations/nowhere/messages/msg_none", json=body)
    assert (answer.status_code, answer.json()["errorCode"]) == (404, "CONVERSATION_NOT_FOUND")


def test_pages_run_from_the_newest_to_the_first(http: httpx.Client) -> None:
    ids = say(http, *(message(f"{i}") for i in range(5)))
    assert texts(http, limit=2) == ["4", "3"]
    assert texts(http, limit=2, startingAfter=ids[3]) == ["2", "1"]
    assert texts(http, limit=2, startingAfter=ids[1]) == ["0"]


@pytest.mark.parametrize(
    ("query", "field"),
    [({"limit": "0"}, "limit"), ({"limit": "101"}, "limit"), ({"limit": "x"}, "limit")]
    + [({"startingAfter": each}, "startingAfter") for each in ("msg_none", "", "\0")],
)
def test_a_wrong_query_is_400(http: httpx.Client, query: dict[str, str], field: str) -> None:
    answer = http.get(MESSAGES, params=query)
    assert answer.status_code == 400
    assert list(answer.json()["reasons"]) == [field]


def test_a_repeated_key_gives_the_same_id_and_posts_nothing(http: httpx.Client) -> None:
    first = say(http, message("one", idempotencyKey="k1"))
    again = say(http, message("one", idempotencyKey="k1"), message("two"), message("three", idempotencyKey="k1"))
    assert [again[0], again[2]] == first * 2
    assert texts(http) == ["two", "one"]


def test_a_repeated_key_is_answered_when_its_sender_may_not_write_any_more(http: httpx.Client) -> None:
    first = say(http, message(idempotencyKey="k1"))
    http.delete("/conversations/hello/participants/alice")
    assert say(http, message(idempotencyKey="k1")) == first


def test_of_many_at_once_with_one_key_one_is_posted(http: httpx.Client) -> None:
    with ThreadPoolExecutor(10) as pool:
        ids = list(pool.map(lambda _: say(http, message(idempotencyKey="k1"))[0], range(10)))
    assert len(set(ids)) == 1
    assert texts(http) == ["Hello"]


def test_a_key_is_of_its_conversation(http: httpx.Client) -> None:
    http.put("/conversations/other", json={"participants": ["alice"]})
    first = say(http, message(idempotencyKey="k1"))
    answer = http.post("/conversations/other/messages", json=[message(idempotencyKey="k1")])
    assert answer.json()[0]["id"] != first[0]


def test_an_edit_changes_text_and_merges_custom(http: httpx.Client) -> None:
    one = say(http, message("before", custom={"a": "1", "b": "2"}))[0]
    assert http.put(f"{MESSAGES}/{one}", json={"text": "after", "custom": {"a": None, "c": "3"}}).json() == {}
    shown = http.get(f"{MESSAGES}/{one}").json()
    assert (shown["text"], shown["custom"]) == ("after", {"b": "2", "c": "3"})
    assert shown["editedAt"] >= shown["createdAt"]
    http.put(f"{MESSAGES}/{one}", json={"custom": None})
    assert http.get(f"{MESSAGES}/{one}").json()["custom"] == {}


def test_an_edit_of_nothing_is_none(http: httpx.Client) -> None:
    one = say(http, {"type": "SystemMessage", "text": "x"})[0]
    assert http.put(f"{MESSAGES}/{one}").json() == {}
    assert http.get(f"{MESSAGES}/{one}").json()["editedAt"] is None
    http.put(f"{MESSAGES}/{one}", json={"text": "y"})
    assert http.get(f"{MESSAGES}/{one}").json()["editedAt"] is not None


@pytest.mark.parametrize(("body", "field"), [({"text": ""}, "text"), ({"custom": {"a": 1}}, "custom")])
def test_a_wrong_edit_is_400(http: httpx.Client, body: object, field: str) -> None:
    one = say(http, message())[0]
    answer = http.put(f"{MESSAGES}/{one}", json=body)
    assert (answer.status_code, list(answer.json()["reasons"])) == (400, [field])


def test_an_edit_notifies_nobody_and_mentions_nobody(http: httpx.Client, stack: Stack, cast: Cast) -> None:
    http.patch("/conversations/hello/participants/bob", json={"notify": False})
    one = say(http, message("plain"))[0]
    until(lambda: column(stack.database, OPEN, app=cast.app_id) == [0])
    http.patch("/conversations/hello/participants/bob", json={"notify": "MentionsOnly"})
    http.put(f"{MESSAGES}/{one}", json={"text": "<!!mention:bob|Bob> look"})
    assert column(stack.database, OPEN, app=cast.app_id) == [0]
    assert column(stack.database, "SELECT mentions FROM messages WHERE id = :id", id=one) == [[]]
    assert column(stack.database, MAILS, app=cast.app_id, user="bob") == [0]


def test_a_deleted_message_is_read_nowhere(http: httpx.Client) -> None:
    ids = say(http, message("one"), message("two"))
    assert http.delete(f"{MESSAGES}/{ids[1]}").json() == {}
    assert texts(http) == ["one"]
    assert http.get(f"{MESSAGES}/{ids[1]}").status_code == 404
    assert http.delete(f"{MESSAGES}/{ids[1]}").status_code == 404
    assert http.get("/conversations/hello").json()["lastMessage"]["id"] == ids[0]
    assert http.get("/users/bob/conversations").json()["data"][0]["unreadMessageCount"] == 1


def test_the_last_activity_goes_back_with_the_last_message(http: httpx.Client, stack: Stack, cast: Cast) -> None:
    ids = say(http, message("one"))
    http.delete(f"{MESSAGES}/{ids[0]}")
    assert column(stack.database, "SELECT last_message_at FROM conversations WHERE app_id = :app", app=cast.app_id) == [
        None
    ]
    assert http.get("/conversations/hello").json()["lastMessage"] is None


def test_a_message_that_is_deleted_before_the_mail_is_made_is_in_no_mail(
    http: httpx.Client, stack: Stack, cast: Cast
) -> None:
    ids = say(http, message("secret"))
    http.delete(f"{MESSAGES}/{ids[0]}")
    until(lambda: column(stack.database, OPEN, app=cast.app_id) == [0])
    assert column(stack.database, MAILS, app=cast.app_id, user="bob") == [0]


def test_one_query_tells_the_readers_of_a_page(http: httpx.Client) -> None:
    say(http, message("one"), message("two", "bob"))
    http.post("/conversations/hello/readBy/bob")
    say(http, message("three"))
    assert [each["readBy"] for each in http.get(MESSAGES).json()["data"]] == [[], [], ["bob"]]
