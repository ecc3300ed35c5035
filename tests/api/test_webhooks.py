"""Webhooks over HTTP: secrets are shown once and kept nowhere in clear; what was told can be seen and told again."""

from typing import Any

import httpx
import pytest
from support.cast import Cast
from support.servers import Stack
from support.sql import column, rows
from support.waiting import until
from support.webhook_receiver import webhook_receiver

HOOK = {"url": "https://mailtalk.invalid/hook", "events": ["message.read"]}
KEY = {"Idempotency-Key": "once"}
KEPT = (
    "SELECT encode(body, 'escape') FROM idempotency_keys",
    "SELECT encode(secret_sealed, 'escape') || row_to_json(w) FROM webhooks w",
)


@pytest.fixture
def cast(stack: Stack) -> Cast:
    return stack.introduce()


def test_a_secret_is_shown_when_it_is_made_and_never_again(http: httpx.Client, cast: Cast) -> None:
    made = http.put("/webhooks/main", json=HOOK)
    assert made.status_code == 200
    secret = made.json()["secret"]
    assert secret.startswith("whsec_")
    changed = http.put("/webhooks/main", json=HOOK | {"events": None})
    for shown in (changed.json(), http.get("/webhooks/main").json(), http.get("/webhooks").json()["data"][0]):
        assert "secret" not in shown
        assert (shown["id"], shown["url"], shown["events"], shown["status"]) == ("main", HOOK["url"], None, "active")
    new = http.post("/webhooks/main/rotate-secret").json()["secret"]
    assert new.startswith("whsec_")
    assert new != secret
    assert "secret" not in http.put("/webhooks/own", json=HOOK | {"secret": "mine-is-long-enough-0123"}).json()


def test_order_is_strict_on_request_only(http: httpx.Client, cast: Cast) -> None:
    assert http.put("/webhooks/main", json=HOOK).json()["ordered"] is False
    assert http.put("/webhooks/main", json=HOOK | {"ordered": True}).json()["ordered"] is True
    assert http.get("/webhooks/main").json()["ordered"] is True
    assert http.put("/webhooks/main", json=HOOK).json()["ordered"] is False
    assert http.put("/webhooks/main", json=HOOK | {"ordered": "yes"}).status_code == 400


def test_a_repeat_shows_it_again_and_no_table_holds_it_in_clear(http: httpx.Client, cast: Cast) -> None:
    first, again = (http.put("/webhooks/main", json=HOOK, headers=KEY) for _ in range(2))
    assert first.content == again.content
    secret = first.json()["secret"]
    for statement in KEPT:
        kept = column(cast.database, statement)
        assert kept
        assert not [row for row in kept if secret in row]
    http.post("/webhooks/main/rotate-secret")
    assert http.put("/webhooks/main", json=HOOK, headers=KEY).json()["secret"] is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"url": "http://example.com/"}, "url"),
        ({"url": "https://127.0.0.1/"}, "url"),
        ({"url": "https://2130706433/"}, "url"),
        ({"url": "https://user:pass@example.com/"}, "url"),
        ({"url": 1}, "url"),
        ({"events": ["message.forgotten"]}, "events.0"),
        ({"events": []}, "events"),
        ({"secret": "short"}, "secret"),
        ({"secret": "whsec_c2hvcnQ="}, "secret"),
    ],
)
def test_what_is_wrong_is_named(http: httpx.Client, changes: dict[str, Any], field: str) -> None:
    answer = http.put("/webhooks/main", json=HOOK | changes)
    assert answer.status_code == 400
    assert [name.replace("...", "0") for name in answer.json()["reasons"]] == [field]
    assert http.get("/webhooks/main").status_code == 404


@pytest.mark.parametrize("name", ["channel:team", "a b", "x" * 65, "listener:host"])
def test_an_id_is_plain(http: httpx.Client, name: str) -> None:
    assert http.put(f"/webhooks/{name}", json=HOOK).status_code == 400


def test_an_app_has_only_so_many(http: httpx.Client) -> None:
    answers = [http.put(f"/webhooks/w{i}", json=HOOK).status_code for i in range(21)]
    assert answers == [200] * 20 + [400]


def test_the_log_and_a_replay(http: httpx.Client, cast: Cast) -> None:
    with webhook_receiver() as receiver:
        http.put("/webhooks/main", json=HOOK | {"events": ["user.created", "user.updated"]})
        # What the API lets in leads outside; the test's receiver does not.
        rows(cast.database, "UPDATE webhooks SET url = :url WHERE app_id = :app", url=receiver.url, app=cast.app_id)
        http.put("/users/erin", json={"name": "Erin"})
        until(lambda: http.get("/webhooks/main").json()["reason"])  # refused: the worker guards too
        assert receiver.requests == []
    (waiting,) = http.get("/webhooks/main/deliveries?stage=queued").json()["data"]
    assert (waiting["type"], waiting["attempts"], waiting["status"]) == ("user.created", 1, None)
    assert waiting["reply"] == "URL not allowed: the host has an address that is not public"
    assert waiting["nextTryAt"] > waiting["triedAt"]
    assert http.get("/webhooks/main/deliveries?stage=sent").json()["data"] == []
    assert http.get(f"/webhooks/main/deliveries?startingAfter={waiting['id']}").json()["data"] == []
    assert http.post("/webhooks/main/replay", json={"eventIds": [waiting["eventId"]]}).json() == {"count": 1}
    assert http.post("/webhooks/main/replay", json={"from": 0}).json() == {"count": 1}
    assert len(http.get("/webhooks/main/deliveries").json()["data"]) == 3
    assert http.get("/webhooks/main/deliveries?stage=lost").status_code == 400


def test_deleted_is_deleted(http: httpx.Client, cast: Cast) -> None:
    http.put("/webhooks/main", json=HOOK)
    http.post("/webhooks/main/test")
    assert http.delete("/webhooks/main").json() == {}
    for answer in (http.get("/webhooks/main"), http.delete("/webhooks/main"), http.post("/webhooks/main/test")):
        assert answer.status_code == 404
    left = "SELECT count(*) FROM webhook_lanes WHERE app_id = :app"
    assert column(cast.database, left, app=cast.app_id) == [0]
