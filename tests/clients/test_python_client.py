"""The Python client against the running product: joins, messages, lists, files, errors, repetitions, webhooks."""

import asyncio
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from support.cast import Cast
from support.servers import Stack

from mailtalk.webhooks import signing

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "clients/python"))

from mailtalk_client import AsyncClient, Client, MailtalkError, Retries, webhooks  # noqa: E402

QUICK = Retries(pause=0.001)


@pytest.fixture
def cast(stack: Stack) -> Cast:
    return stack.introduce()


@pytest.fixture
def client(stack: Stack, cast: Cast) -> Iterator[Client]:
    with Client(stack.api, cast.app_id, cast.secret) as client:
        yield client


class Flaky(httpx.HTTPTransport):
    """A network that loses responses: their effect stays."""

    def __init__(self, lost: int) -> None:
        super().__init__()
        self.lost, self.keys = lost, set[str]()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        self.keys.add(request.headers.get("Idempotency-Key", ""))
        if self.lost:
            self.lost -= 1
            response.close()
            raise httpx.ReadError("the connection was lost")
        return response


def test_it_joins_says_and_reads(client: Client) -> None:
    client.put_conversation("a/b", {"subject": "Hello"})
    client.join_conversation("a/b", "alice", {"notify": False})
    client.join_conversation("a/b", "bob")
    (posted,) = client.post_messages("a/b", [{"type": "UserMessage", "sender": "alice", "text": "Hi"}])
    message = client.get_message("a/b", posted["id"])
    assert (message["text"], message["senderId"]) == ("Hi", "alice")
    assert client.get_participant("a/b", "alice")["notify"] is False
    assert client.leave_conversation("a/b", "bob", wait=False)["status"] in {"pending", "applied"}  # type: ignore[typeddict-item]


def test_lists_are_read_to_their_end(client: Client) -> None:
    client.put_users({f"user-{n}": {"name": str(n)} for n in range(25)})
    found = {user["id"] for user in client.iterate_users(limit=10)}
    assert {f"user-{n}" for n in range(25)} <= found


def test_a_file_is_uploaded_and_sent(client: Client) -> None:
    client.join_conversation("hello", "alice")
    token = client.upload_file("plan.txt", b"60 cm", "text/plain")["fileToken"]
    content = [{"type": "file", "fileToken": token}]
    (posted,) = client.post_messages("hello", [{"type": "UserMessage", "sender": "alice", "content": content}])  # type: ignore[typeddict-item]
    attachment = client.get_message("hello", posted["id"])["attachment"]
    assert attachment is not None
    assert httpx.get(attachment["url"]).content == b"60 cm"


def test_errors_name_the_field(client: Client) -> None:
    with pytest.raises(MailtalkError) as refused:
        client.get_user("nobody")
    assert (refused.value.status, refused.value.code) == (404, "USER_NOT_FOUND")
    assert "userId" in refused.value.reasons


def test_a_change_whose_answer_is_lost_happens_once(stack: Stack, cast: Cast) -> None:
    network = Flaky(lost=2)
    with Client(stack.api, cast.app_id, cast.secret, retries=QUICK, transport=network) as client:
        client.join_conversation("hello", "alice")
        network.lost, network.keys = 2, set()
        client.post_messages("hello", [{"type": "UserMessage", "sender": "alice", "text": "once"}])
        (key,) = network.keys
        assert key
        assert [message["text"] for message in client.iterate_messages("hello")] == ["once"]


def test_attempts_end(cast: Cast) -> None:
    nobody = Client("http://127.0.0.1:9", cast.app_id, cast.secret, retries=QUICK)
    with nobody as client, pytest.raises(httpx.ConnectError):
        client.get_app()


def test_temporary_errors_are_tried_again_when_the_server_says(cast: Cast) -> None:
    answers = [
        httpx.Response(503, headers={"Retry-After": "0"}),
        httpx.Response(429),
        httpx.Response(200, json={"a": 1}),
    ]
    network = httpx.MockTransport(lambda _: answers.pop(0))
    with Client("http://mailtalk.test", cast.app_id, cast.secret, retries=QUICK, transport=network) as client:
        assert client.get_app() == {"a": 1}
    assert answers == []


def test_the_asynchronous_client_does_the_same(stack: Stack, cast: Cast) -> None:
    async def visit() -> list[str]:
        async with AsyncClient(stack.api, cast.app_id, cast.secret) as client:
            await client.join_conversation("hello", "alice")
            await client.post_messages("hello", [{"type": "UserMessage", "sender": "alice", "text": "Hi"}])
            return [message["text"] async for message in client.iterate_messages("hello")]

    assert asyncio.run(visit()) == ["Hi"]


@pytest.mark.parametrize("secret", [f"whsec_{b64encode(bytes(range(32))).decode()}", "a plain secret of 28 letters"])
def test_webhooks_are_verified(secret: str) -> None:
    now, body = datetime(2026, 5, 2, tzinfo=UTC), b'{"id": "evt_1"}'
    headers = {name.upper(): value for name, value in signing.headers([secret], "evt_1", body, now).items()}
    verified = webhooks.verify(body, headers, secret, now=now.timestamp() + 10)
    assert verified == {"id": "evt_1"}
    for wrong in (
        {"body": body + b" "},
        {"secret": signing.new_secret()},
        {"now": now.timestamp() + 400},
        {"headers": {}},
    ):
        given = {"body": body, "headers": headers, "secret": secret, "now": now.timestamp()} | wrong
        with pytest.raises(webhooks.NotVerified):
            webhooks.verify(**given)  # type: ignore[arg-type]


def test_the_generated_modules_are_those_of_the_document(tmp_path: Path) -> None:
    for folder in ("python/mailtalk_client", "typescript/src"):
        (tmp_path / folder).mkdir(parents=True)
    program = f"from pathlib import Path; from clients.generator.__main__ import main; main(Path({str(tmp_path)!r}))"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
    made = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(made) == 5
    stale = [
        path.name for path in made if path.read_text() != (ROOT / "clients" / path.relative_to(tmp_path)).read_text()
    ]
    assert stale == [], "make clients"


def test_its_types_are_strict() -> None:
    check = [sys.executable, "-m", "mypy", "--strict", "-p", "mailtalk_client", "--cache-dir", "/dev/null"]
    done = subprocess.run(check, cwd=ROOT / "clients/python", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
