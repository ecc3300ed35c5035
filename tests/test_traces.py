"""Traces and error reports, by processes as people run them: one trace from a request to SMTP, and nothing private."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
import psycopg
import pytest
from support.cast import Cast
from support.collectors import Collector, ReceivedSpan, collecting
from support.command_line import MAILTALK, environment
from support.mailboxes import Relay
from support.product import free_port
from support.waiting import until

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PRIVATE = (b"example.com", b"Lunch at noon", b"reply.localhost", b"k" * 32)


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture
def given(database_url: str, redis_url: str, tmp_path: Path) -> dict[str, str]:
    """Environment of the processes."""
    return environment(database_url, tmp_path) | {
        "MAILTALK_REDIS_URL": redis_url,
        "MAILTALK_API_PORT": str(free_port()),
        "MAILTALK_WORKER_PROCESSES": "1",
        "MAILTALK_QUIET_SECONDS": "0",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }


class Processes:
    """`mailtalk api` and others; `client` is an app's."""

    def __init__(self, cast: Cast, given: dict[str, str]) -> None:
        self._given, self._running = given, [subprocess.Popen([MAILTALK, "api"], env=given)]
        base = f"http://127.0.0.1:{given['MAILTALK_API_PORT']}"
        headers = {"Authorization": f"Bearer {cast.secret}"}
        self.client = httpx.Client(base_url=f"{base}/v1/{cast.app_id}", headers=headers, timeout=100)
        until(lambda: _answers(base), 60)

    def work(self) -> None:
        self._running.append(subprocess.Popen([MAILTALK, "worker"], env=self._given))

    def close(self) -> None:
        self.client.close()
        for process in self._running:
            process.terminate()
        for process in self._running:
            process.wait(60)


def test_one_trace_leads_from_a_request_to_smtp(cast: Cast, given: dict[str, str], collector: Collector) -> None:
    cast.join("alice", "bob")
    with ExitStack() as ends:
        relay = ends.enter_context(Relay())
        traced = given | {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "MAILTALK_RELAY_URL": relay.url}
        processes = ends.enter_context(closing(Processes(cast, traced)))
        processes.work()
        headers = {"traceparent": f"00-{TRACE}-{CALLER}-01", "X-Request-ID": "request-1", "Prefer": "wait=60"}
        message = {"text": "Lunch at noon?", "sender": "alice", "type": "UserMessage"}
        put = processes.client.put("/conversations/hello/participants/carol", json={}, headers=headers)
        posted = processes.client.post("/conversations/hello/messages", json=[message], headers=headers)
        assert (put.status_code, posted.status_code) == (200, 200), (put.text, posted.text)
        spans = until(lambda: _all(collector, "send mail", 2) and _all(collector, "apply change", 1), 60)
    join, post = (
        _one(collector, f"{verb} /v1/{{appId}}/conversations/{{conversationId}}/{path}") for verb, path in REQUESTS
    )
    assert {span.trace for span in collector.spans if span.values.get("mailtalk.request.id") == "request-1"} == {TRACE}
    assert (join.parent, post.parent, post.service) == (CALLER, CALLER, "mailtalk-api")
    assert [(span.parent, span.service) for span in spans] == [(join.id, "mailtalk-worker")]
    mails = _all(collector, "make mail", 2)
    assert {span.parent for span in mails} == {post.id}
    sent = _all(collector, "send mail", 2)
    assert {span.parent for span in sent} == {span.id for span in mails}
    assert {(span.values["mailtalk.stage"], span.values["smtp.code"]) for span in sent} == {("sent", "250")}
    assert not [private for _, body in collector.posts for private in PRIVATE if private in body]


def test_nothing_is_kept_for_traces_while_they_are_off(cast: Cast, given: dict[str, str], collector: Collector) -> None:
    cast.join("alice", "bob")
    off = given | {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_SDK_DISABLED": "true"}
    with closing(Processes(cast, off)) as processes:
        headers = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
        message = {"text": "hi", "sender": "alice", "type": "UserMessage"}
        assert processes.client.post("/conversations/hello/messages", json=[message], headers=headers).is_success
    with psycopg.connect(given["MAILTALK_DATABASE_URL"]) as connection:
        assert connection.execute("SELECT count(*) FROM origins").fetchone() == (0,)
    assert collector.posts == []


def test_an_unexpected_error_is_reported_without_what_is_private(
    cast: Cast, given: dict[str, str], collector: Collector
) -> None:
    cast.join("alice", "bob")
    dsn = collector.url.replace("://", "://public@") + "/7"
    with closing(Processes(cast, given | {"MAILTALK_SENTRY_DSN": dsn})) as processes:
        with psycopg.connect(given["MAILTALK_DATABASE_URL"], autocommit=True) as connection:
            connection.execute(TROUBLE)
        message = {"text": "Lunch at noon?", "sender": "alice", "type": "UserMessage"}
        headers = {"X-Request-ID": "request-2"}
        answer = processes.client.post("/conversations/hello/messages", json=[message], headers=headers)
        assert answer.status_code == 500
        (report,) = until(lambda: collector.errors, 60)
    assert report["tags"] == {"process": "api", "request_id": "request-2"}
    assert report["exception"]["values"][-1]["type"] == "ProgrammingError"
    assert "(address) said (secret) at (hidden)" in str(report["exception"])
    assert not [private for _, body in collector.posts for private in PRIVATE if private in body]
    assert "vars" not in str(report)


# An error whose text says what no one may read: an address, our key, and an inbound address.
TROUBLE = f"""
    CREATE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE EXCEPTION 'bob@example.com said {"k" * 32} at {"a" * 30}' USING ERRCODE = '42501'; END $$;
    CREATE TRIGGER trouble BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION trouble()"""
CONVERSATION = "/v1/{appId}/conversations/{conversationId}"
REQUESTS = (("PUT", "participants/{userId}"), ("POST", "messages"))


@pytest.mark.parametrize(
    ("setting", "value", "package", "extra"),
    [
        ("MAILTALK_SENTRY_DSN", "https://public@sentry.example/1", "sentry_sdk", "sentry"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:4318/v1/traces", "opentelemetry", "otel"),
    ],
)
@pytest.mark.parametrize("process", ["api", "bridge", "worker"])
def test_a_missing_package_is_named_at_the_start(  # noqa: PLR0913, PLR0917  a table
    process: str, setting: str, value: str, package: str, extra: str, given: dict[str, str]
) -> None:
    code = f"""
import sys
sys.modules[{package!r}], sys.argv = None, ["mailtalk", {process!r}]
from cli.main import main
main()"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, env=given | {setting: value}, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 2, done.stderr
    assert f"{setting} is set, and needs a package: pip install 'mailtalk[{extra}]', or unset it" in done.stderr


def _answers(base: str) -> bool:
    try:
        return httpx.get(f"{base}/healthz", timeout=5).is_success
    except httpx.TransportError:
        return False


def _all(collector: Collector, name: str, count: int) -> list[ReceivedSpan]:
    """Spans of a name, once there are as many."""
    spans = [span for span in collector.spans if span.name == name]
    return spans if len(spans) == count else []


def _one(collector: Collector, name: str) -> ReceivedSpan:
    (span,) = _all(collector, name, 1)
    return span
