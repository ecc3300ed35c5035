"""Two apps cannot see or change each other, by any id swap at any endpoint."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from support.cast import Cast
from support.inbox import quarantined
from support.servers import Stack

from api.app import OPERATIONS

BODIES: dict[tuple[str, str], Any] = {
    ("PUT", "/users"): {"theirs": {"name": "Mallory"}},
    ("PUT", "/users/{userId}"): {"name": "Mallory"},
    ("PUT", "/conversations/{conversationId}"): {"subject": "Taken over", "participants": ["mine"]},
    ("PATCH", "/conversations/{conversationId}/participants/{userId}"): {"notify": False},
    ("POST", "/conversations/{conversationId}/participants"): {
        "actions": [{"id": 1, "method": "DELETE", "params": {"userId": "theirs"}}]
    },
    ("POST", "/conversations/{conversationId}/messages"): [{"type": "UserMessage", "sender": "theirs", "text": "Hi"}],
    ("PUT", "/conversations/{conversationId}/messages/{messageId}"): {"text": "Changed"},
    ("PATCH", "/users/{userId}/conversations/{conversationId}"): {"readUntil": 4_102_444_800_000},
    ("POST", "/import/conversations/{conversationId}/messages"): [
        {"type": "UserMessage", "sender": "theirs", "text": "Old", "timestamp": 1}
    ],
    ("PUT", "/webhooks/{webhookId}"): {"url": "https://mailtalk.invalid/mine"},
    ("POST", "/webhooks/{webhookId}/replay"): {"from": 0},
    ("POST", "/batch"): [[1, "DELETE", "/conversations/secret"], [2, "GET", "/users/theirs"]],
}
# What a new app of one's own makes with these ids: rows of its own, beside the other app's.
MAKES_ITS_OWN = {
    ("GET", ""),
    ("PUT", ""),
    ("POST", "/presences"),
    ("PUT", "/users"),
    ("PUT", "/users/{userId}"),
    ("GET", "/users"),
    ("GET", "/conversations"),
    ("PUT", "/webhooks/{webhookId}"),
    ("GET", "/webhooks"),
    ("GET", "/inbound-mails"),
}
ROUTES = [(each.method, each.path) for each in OPERATIONS if not each.is_open]


@dataclass
class Victim:
    """An app whose ids an attacker knows, all of them."""

    cast: Cast
    http: httpx.Client
    ids: dict[str, str]
    before: list[Any] = field(init=False)

    def __post_init__(self) -> None:
        self.before = self.state()

    def state(self) -> list[Any]:
        """Everything the app can see of itself."""
        paths = (
            "/users/theirs",
            "/users/theirs/conversations",
            "/conversations",
            "/conversations/secret",
            "/conversations/secret/messages",
            "/conversations/secret/participants",
            "/conversations/secret/participants/theirs/email",
            "/changes?conversationId=secret",
            "/webhooks/theirs",
            "/webhooks/theirs/deliveries",
            "/inbound-mails",
        )
        return [self.http.get(path).json() for path in paths]


@pytest.fixture(scope="module")
def victim(stack: Stack) -> Iterator[Victim]:
    cast = stack.introduce()
    with stack.client(cast) as http:
        http.put("/users/theirs", json={"name": "Their user"})
        http.put("/conversations/secret", json={"subject": "Their secret"})
        changed = http.put("/conversations/secret/participants/theirs")
        http.put("/webhooks/theirs", json={"url": "https://mailtalk.invalid/", "events": ["message.read"]})
        said = http.post(
            "/conversations/secret/messages", json=[{"type": "UserMessage", "sender": "theirs", "text": "x"}]
        )
        ids = {
            "userId": "theirs",
            "emoji": "x",
            "conversationId": "secret",
            "webhookId": "theirs",
            "messageId": said.json()[0]["id"],
            "changeId": changed.headers["Operation-Location"].rpartition("/")[2],
            "mailId": quarantined(cast, "theirs"),
        }
        yield Victim(cast, http, ids)


@pytest.fixture
def attacker(stack: Stack) -> Iterator[httpx.Client]:
    with stack.client(stack.introduce()) as http:
        http.put("/users/mine", json={"name": "My user"})
        yield http


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_the_credential_of_another_app_opens_nothing(
    method: str, path: str, victim: Victim, attacker: httpx.Client
) -> None:
    url = str(victim.http.base_url).rstrip("/") + path.format(**victim.ids)
    answer = httpx.request(method, url, json=BODIES.get((method, path)), headers=attacker.headers, timeout=60)
    unknown = url.replace(victim.cast.app_id, "no-such-app")
    nowhere = httpx.request(method, unknown, json=BODIES.get((method, path)), headers=attacker.headers, timeout=60)
    assert (answer.status_code, answer.content) == (404, nowhere.content)
    assert victim.state() == victim.before


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_the_ids_of_another_app_lead_nowhere(method: str, path: str, victim: Victim, attacker: httpx.Client) -> None:
    params = {"conversationId": "secret"} if path == "/changes" else {}
    answer = attacker.request(method, path.format(**victim.ids), params=params, json=BODIES.get((method, path)))
    if path == "/batch":
        assert [status for _, status, _ in answer.json()] == [404, 404]
    elif (method, path) == ("PUT", "/conversations/{conversationId}"):
        assert attacker.get("/conversations/secret").json()["participants"].keys() == {"mine"}
    elif path == "/files":
        assert answer.status_code == 400  # an upload takes no id; a token of another app is in test_uploads.py
    else:
        assert answer.status_code == (200 if (method, path) in MAKES_ITS_OWN else 404), answer.text
    assert "Their" not in answer.text
    assert victim.state() == victim.before
