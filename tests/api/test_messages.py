"""Messages: posted in order by those who may, and listed newest first."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from support.cast import Cast
from support.servers import Stack

from mailtalk.vocabulary import Access

MESSAGES = "/conversations/hello/messages"


@pytest.fixture
def cast(stack: Stack) -> Cast:
    return stack.introduce()


@pytest.fixture
def http(http: httpx.Client) -> httpx.Client:
    for user, body in (("alice", {}), ("bob", {"access": Access.READ})):
        assert http.put(f"/conversations/hello/participants/{user}", json=body).status_code == 200
    return http


def say(sender: str | None, text: str, **more: object) -> dict[str, Any]:
    return (
        {"type": "UserMessage" if sender else "SystemMessage", "text": text}
        | ({"sender": sender} if sender else {})
        | more
    )


def texts(http: httpx.Client, **params: Any) -> list[str]:
    return [each["text"] for each in http.get(MESSAGES, params=params).json()["data"]]


def test_messages_are_posted_in_order_and_listed_newest_first(http: httpx.Client) -> None:
    answer = http.post(MESSAGES, json=[say("alice", "one"), say(None, "two"), say("alice", "three")])
    ids = [each["id"] for each in answer.json()]
    assert len({*ids}) == 3
    assert all(each.startswith("msg_") for each in ids)
    assert texts(http) == ["three", "two", "one"]
    assert [each["id"] for each in http.get(MESSAGES).json()["data"]] == ids[::-1]


def test_a_message_reads_back_as_it_was_sent(http: httpx.Client) -> None:
    http.post(MESSAGES, json=[say("alice", "h\u00e9 \U0001f600\n<!!mention:bob|Bob>", custom={"k": "v"})])
    got = http.get(MESSAGES).json()["data"][0]
    assert (got["type"], got["senderId"], got["origin"]) == ("UserMessage", "alice", "rest")
    assert (got["text"], got["custom"]) == ("h\u00e9 \U0001f600\n<!!mention:bob|Bob>", {"k": "v"})


@pytest.mark.parametrize("sender", ["carol", "nobody"])
def test_who_may_not_write_is_named_and_nothing_is_posted(http: httpx.Client, sender: str) -> None:
    answer = http.post(MESSAGES, json=[say("alice", "one"), say(sender, "two")])
    assert answer.status_code == 400
    assert list(answer.json()["reasons"]) == ["1.sender"]
    assert texts(http) == []


def test_pages_hold_everything_once(http: httpx.Client) -> None:
    for start in range(0, 25, 5):
        http.post(MESSAGES, json=[say("alice", str(n)) for n in range(start, start + 5)])
    seen: list[str] = []
    after: dict[str, Any] = {}
    while page := http.get(MESSAGES, params={"limit": 10} | after).json()["data"]:
        seen += [each["text"] for each in page]
        after = {"startingAfter": page[-1]["id"]}
    assert seen == [str(n) for n in range(24, -1, -1)]
    assert len(texts(http)) == 10


def test_many_who_post_at_once_lose_nothing(http: httpx.Client) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: http.post(MESSAGES, json=[say("alice", f"{n}a"), say("alice", f"{n}b")]), range(16)))
    found = texts(http, limit=100)[::-1]
    assert len({*found}) == 32
    assert all(found.index(f"{n}b") == found.index(f"{n}a") + 1 for n in range(16))
