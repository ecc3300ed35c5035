"""Idempotency-Key: one key has one effect and one answer, however often, at once, or after what crash it is sent."""

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from support.cast import Cast
from support.inbox import quarantined
from support.servers import Stack, serving
from support.sql import column, heal, raise_for, rows
from support.waiting import until

from api.app import OPERATIONS
from mailtalk import clock
from mailtalk.changes import idempotency
from mailtalk.changes.idempotency import Claim
from mailtalk.db.database import Database
from mailtalk.settings.load import Settings
from worker.purge import Purge

KEY = {"Idempotency-Key": "key-1"}
MESSAGES = "/conversations/hello/messages"
BOB = "/conversations/hello/participants/bob"
HOOK = {"url": "https://mailtalk.invalid/"}
SYSTEM = [{"type": "SystemMessage", "text": "Hello"}]
Asked = tuple[str, str, Any]  # method, path, body
COUNT = "SELECT count(*) FROM {} WHERE app_id = :app"
REACTION = "/conversations/{conversationId}/messages/{messageId}/reactions/{emoji}/{userId}"
SAMPLES: dict[tuple[str, str], tuple[str, Any]] = {
    ("PUT", "/users"): ("/users", {"eve": {"name": "Eve"}}),
    ("PUT", "/users/{userId}"): ("/users/eve", {"name": "Eve"}),
    ("DELETE", "/users/{userId}"): ("/users/dave", None),
    ("PUT", "/conversations/{conversationId}"): ("/conversations/new", {"participants": ["alice"]}),
    ("DELETE", "/conversations/{conversationId}"): ("/conversations/hello", None),
    ("PUT", "/conversations/{conversationId}/participants/{userId}"): (BOB, {}),
    ("PATCH", "/conversations/{conversationId}/participants/{userId}"): (BOB, {"notify": False}),
    ("DELETE", "/conversations/{conversationId}/participants/{userId}"): (BOB, None),
    ("POST", "/conversations/{conversationId}/participants"): (
        "/conversations/hello/participants",
        {"actions": [{"id": 1, "method": "PUT", "params": {"userId": each}} for each in ("carol", "nobody")]},
    ),
    ("POST", "/conversations/{conversationId}/participants/{userId}/email/rotate"): (f"{BOB}/email/rotate", None),
    ("POST", "/conversations/{conversationId}/messages"): (MESSAGES, SYSTEM),
    ("PUT", "/conversations/{conversationId}/messages/{messageId}"): (f"{MESSAGES}/{{message}}", {"text": "x"}),
    ("DELETE", "/conversations/{conversationId}/messages/{messageId}"): (f"{MESSAGES}/{{message}}", None),
    ("POST", "/conversations/{conversationId}/readBy/{userId}"): ("/conversations/hello/readBy/bob", None),
    ("PATCH", "/users/{userId}/conversations/{conversationId}"): ("/users/bob/conversations/hello", {"readUntil": 1}),
    ("POST", "/import/conversations/{conversationId}/messages"): (
        f"/import{MESSAGES}",
        [{"type": "SystemMessage", "text": "Then", "timestamp": 1}],
    ),
    ("PUT", ""): ("", {"custom": {"a": "b"}}),
    ("POST", "/presences"): ("/presences", {}),
    ("PUT", REACTION): (f"{MESSAGES}/{{message}}/reactions/x/bob", None),
    ("DELETE", REACTION): (f"{MESSAGES}/{{message}}/reactions/x/bob", None),
    ("POST", "/batch"): ("/batch", [[1, "POST", MESSAGES, SYSTEM]]),
    ("PUT", "/webhooks/{webhookId}"): ("/webhooks/new", HOOK),
    ("DELETE", "/webhooks/{webhookId}"): ("/webhooks/main", None),
    ("POST", "/webhooks/{webhookId}/rotate-secret"): ("/webhooks/main/rotate-secret", None),
    ("POST", "/webhooks/{webhookId}/replay"): ("/webhooks/main/replay", {"from": 0}),
    ("POST", "/webhooks/{webhookId}/test"): ("/webhooks/main/test", None),
    ("POST", "/inbound-mails/{mailId}/replay"): ("/inbound-mails/{mail}/replay", None),
    ("POST", "/inbound-mails/{mailId}/release"): ("/inbound-mails/{mail}/release", None),
}


@pytest.fixture
def cast(stack: Stack) -> Cast:
    return stack.introduce()


def send(http: httpx.Client, asked: Asked, **headers: str) -> httpx.Response:
    method, place, body = asked
    return http.request(method, place, json=body, headers=KEY | headers)


def count(cast: Cast, table: str) -> int:
    found: int = column(cast.database, COUNT.format(table), app=cast.app_id)[0]
    return found


@contextmanager
def held(database: Database, cast: Cast, key: str) -> Iterator[None]:
    """As if the first request with this key were still being worked on."""
    with database.transaction() as session:
        assert idempotency.recall(session, Claim(cast.app_id, key, b"")) is None
        yield


# A file's upload has its own test: its body is no JSON.
MUTATING = [(each.method, each.path) for each in OPERATIONS if each.method != "GET" and each.path != "/files"]


@pytest.mark.parametrize(("method", "path"), MUTATING)
def test_every_endpoint_that_changes_something_answers_a_repeat_with_the_first_answer(
    http: httpx.Client, cast: Cast, method: str, path: str
) -> None:
    http.put(BOB)
    http.put("/webhooks/main", json=HOOK)
    mail = quarantined(cast, "alice") if "{mailId}" in path else ""
    message = http.post(MESSAGES, json=SYSTEM).json()[0]["id"]
    place, body = SAMPLES[method, path]
    first, again = (
        http.request(method, place.format(message=message, mail=mail), json=body, headers=KEY) for _ in range(2)
    )
    assert (first.status_code, again.status_code) == (200, 200), (first.text, again.text)
    assert first.content == again.content
    assert ("Idempotency-Replayed" in first.headers, again.headers["Idempotency-Replayed"]) == (False, "true")


@pytest.mark.parametrize(
    ("asked", "table"),
    [
        (("POST", MESSAGES, SYSTEM), "messages"),
        (("POST", f"/import{MESSAGES}", [{"type": "SystemMessage", "text": "Then", "timestamp": 1}]), "messages"),
        (("PUT", BOB, {}), "changes"),
        (("PUT", "/conversations/new", {"participants": ["alice"]}), "changes"),
        (("POST", "/batch", [[1, "POST", MESSAGES, SYSTEM]]), "messages"),
    ],
)
def test_ten_at_once_have_one_effect_and_equal_answers(
    http: httpx.Client, cast: Cast, asked: Asked, table: str
) -> None:
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: send(http, asked), range(10)))
    assert [each.status_code for each in answers] == [200] * 10
    assert len({each.content for each in answers}) == 1
    assert sum("Idempotency-Replayed" not in each.headers for each in answers) >= 1
    assert count(cast, table) == 1


def test_a_repeat_has_no_effect_on_what_came_after_the_first(http: httpx.Client) -> None:
    http.put("/users/eve", json={"name": "Eve"}, headers=KEY)
    http.put("/users/eve", json={"name": "Later"})
    http.put("/users/eve", json={"name": "Eve"}, headers=KEY)
    assert http.get("/users/eve").json()["name"] == "Later"


def test_a_repeated_join_does_not_undo_a_later_leave(http: httpx.Client) -> None:
    http.put(BOB, headers=KEY)
    http.delete(BOB)
    assert http.put(BOB, headers=KEY).json() == {}
    assert http.get(BOB).status_code == 404


def test_a_repeat_tells_the_error_that_the_change_ended_with(http: httpx.Client) -> None:
    first, again = (http.patch(BOB, json={"notify": True}, headers=KEY) for _ in range(2))
    assert (first.status_code, first.content) == (404, again.content)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["Operation-Location"] == first.headers["Operation-Location"]


@pytest.mark.parametrize(
    ("asked", "headers"),
    [
        (("PUT", "/users/eve", {"name": "Other"}), {}),
        (("PUT", "/users/mallory", {"name": "Eve"}), {}),
        (("PUT", "/users/eve?x=1", {"name": "Eve"}), {}),
        (("POST", MESSAGES, SYSTEM), {}),
        (("PUT", BOB, {}), {}),
        (("PUT", "/users/eve", {"name": "Eve"}), {"TalkJS-REST-Version": "2021-02-09"}),
    ],
)
def test_a_key_of_another_request_is_422(http: httpx.Client, cast: Cast, asked: Asked, headers: dict[str, str]) -> None:
    http.put("/users/eve", json={"name": "Eve"}, headers=KEY)
    answer = send(http, asked, **headers)
    assert (answer.status_code, answer.json()["errorCode"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert (count(cast, "messages"), count(cast, "changes"), count(cast, "users")) == (0, 0, 5)


def test_a_key_is_of_its_app(http: httpx.Client, stack: Stack) -> None:
    http.put("/users/eve", json={"name": "Eve"}, headers=KEY)
    with stack.client(stack.introduce()) as other:
        assert other.put("/users/eve", json={"name": "Other"}, headers=KEY).status_code == 200


@pytest.mark.parametrize("key", ["", "k" * 256, "a\tb"])
def test_a_wrong_key_is_400(http: httpx.Client, key: str) -> None:
    answer = http.put("/users/eve", json={"name": "Eve"}, headers={"Idempotency-Key": key})
    assert (answer.status_code, list(answer.json()["reasons"])) == (400, ["Idempotency-Key"])
    assert http.put("/users/eve", json={"name": "Eve"}, headers={"Idempotency-Key": "k" * 255}).status_code == 200


def test_reading_takes_no_notice_of_a_key(http: httpx.Client) -> None:
    for path in ("/users/alice", "/users/bob"):
        assert "Idempotency-Replayed" not in http.get(path, headers=KEY).headers


@pytest.mark.parametrize(("place", "mended"), [("/users/eve", "/users/eve"), (BOB, BOB)])
def test_what_was_refused_may_be_tried_again(http: httpx.Client, place: str, mended: str) -> None:
    if place == BOB:
        place = "/conversations/new/participants/bob"
        assert http.put(place, headers=KEY).status_code == 404
        http.put("/conversations/new")
        assert http.put(place, headers=KEY).status_code == 200
    else:
        assert http.put(place, json={}, headers=KEY).status_code == 400
        assert http.put(mended, json={"name": "Eve"}, headers=KEY).status_code == 200


@pytest.mark.parametrize("asked", [("PUT", BOB, {}), ("POST", MESSAGES, SYSTEM)])
def test_while_the_first_is_worked_on_a_repeat_is_in_progress(http: httpx.Client, cast: Cast, asked: Asked) -> None:
    with held(cast.database, cast, KEY["Idempotency-Key"]):
        answer = send(http, asked)
        assert http.put("/conversations/hello/participants/carol").status_code == 200  # a neighbour is not held up
    assert (answer.status_code, answer.json()["errorCode"]) == (409, "IN_PROGRESS")
    assert answer.headers["Retry-After"] == "1"
    assert send(http, asked).status_code == 200


@pytest.mark.parametrize(
    ("asked", "table"),
    [(("POST", MESSAGES, SYSTEM), "messages"), (("PUT", BOB, {}), "changes")],
)
def test_whose_answer_was_never_heard_is_repeated_without_a_second_effect(
    http: httpx.Client, cast: Cast, asked: Asked, table: str
) -> None:
    method, place, body = asked
    raw = json.dumps(body).encode()
    lines = (
        f"{method} /v1/{cast.app_id}{place} HTTP/1.1",
        f"Host: x\r\nAuthorization: Bearer {cast.secret}",
        f"Idempotency-Key: key-1\r\nContent-Length: {len(raw)}\r\n\r\n",
    )
    address = (http.base_url.host, http.base_url.port or 0)
    with socket.create_connection(address) as connection:
        connection.sendall("\r\n".join(lines).encode() + raw)
        until(lambda: count(cast, "idempotency_keys") == 1)
    again = http.request(method, place, content=raw, headers=KEY)
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (200, "true")
    assert count(cast, table) == 1


@pytest.mark.parametrize(
    "asked",
    [("POST", MESSAGES, SYSTEM), ("PUT", BOB, {}), ("PUT", "/conversations/x", {"participants": ["bob"]})],
)
def test_without_its_key_an_effect_is_not_kept_either(
    settings: Settings, database: Database, cast_alone: Cast, asked: Asked
) -> None:
    with serving(settings) as api, alone(api, cast_alone) as http:
        raise_for(database, "idempotency_keys", "true")
        assert send(http, asked).status_code >= 500
        assert [count(cast_alone, each) for each in ("messages", "changes", "conversations")] == [0, 0, 1]
        heal(database, "idempotency_keys")
        assert send(http, asked, Prefer="respond-async").status_code < 300


def test_accepted_and_never_told_is_told_by_the_repeat_after_a_restart(
    settings: Settings, database: Database, cast_alone: Cast
) -> None:
    for _ in range(2):
        with serving(settings) as api, alone(api, cast_alone) as http:
            answer = http.put(BOB, headers=KEY | {"Prefer": "respond-async"})
            assert answer.status_code == 202
    cast_alone.apply()
    with serving(settings) as api, alone(api, cast_alone) as http:
        answer = http.put(BOB, headers=KEY)
        assert (answer.status_code, answer.headers["Idempotency-Replayed"]) == (200, "true")
    assert count(cast_alone, "changes") == 1


def test_keys_are_purged_after_a_day_and_not_before(cast: Cast, stack: Stack) -> None:
    with stack.database.transaction() as session:
        for key in ("new", "old"):
            idempotency.keep(session, Claim(cast.app_id, key, b""), b"{}")
    old = {"app": cast.app_id, "at": clock.now() - idempotency.KEPT - timedelta(minutes=1)}
    rows(stack.database, "UPDATE idempotency_keys SET created_at = :at WHERE app_id = :app AND key = 'old'", **old)
    purge = Purge(stack.database)
    purge.look()
    kept = "SELECT key FROM idempotency_keys WHERE app_id = :app ORDER BY key"
    assert column(stack.database, kept, app=cast.app_id) == ["new"]
    rows(stack.database, "UPDATE idempotency_keys SET created_at = :at WHERE app_id = :app", **old)
    purge.look()  # not twice within an hour
    assert column(stack.database, kept, app=cast.app_id) == ["new"]
    assert timedelta(hours=24) <= idempotency.KEPT


@pytest.fixture
def cast_alone(database: Database, stack: Stack, keyring: Any) -> Cast:
    return Cast.introduce(database, keyring)


def alone(api: str, cast: Cast) -> httpx.Client:
    # Each request has its own connection: the server closes one on which something unforeseen was raised.
    headers = {"Authorization": f"Bearer {cast.secret}", "Connection": "close"}
    return httpx.Client(base_url=f"{api}/v1/{cast.app_id}", headers=headers, timeout=30)
