"""Metrics of the processes, as Prometheus reads them: counted where the work is done, whole over several workers."""

import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.cast import Cast
from support.command_line import MAILTALK, environment
from support.mailboxes import Relay
from support.product import free_port
from support.waiting import until
from support.webhook_receiver import WebhookReceiver, subscribe, webhook_receiver

from mailtalk.keys import Keyring
from mailtalk.participation.rules import Request
from mailtalk.vocabulary import ChangeKind

Samples = dict[str, float]
WAITED, SERVED = "mailtalk_latency_seconds_count", "mailtalk_http_seconds_count"


def scrape(port: int) -> Samples:
    """All samples, by name and labels as Prometheus writes them; none while nothing listens."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            families = text_string_to_metric_families(answer.read().decode())
    except OSError:
        return {}
    return {
        sample.name + "".join(sorted(f"{{{key}={value}}}" for key, value in sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


@pytest.fixture
def settings_of(database_url: str, redis_url: str, tmp_path: Path) -> dict[str, str]:
    return environment(database_url, tmp_path) | {
        "MAILTALK_REDIS_URL": redis_url,
        "MAILTALK_METRICS_PORT": str(free_port()),
        "MAILTALK_API_PORT": str(free_port()),
        "MAILTALK_SMTP_PORT": str(free_port()),
        "MAILTALK_QUIET_SECONDS": "0",
    }


@pytest.fixture
def workers(settings_of: dict[str, str]) -> Iterator[int]:
    """Two workers under a supervisor; gives the port of their metrics."""
    command = subprocess.Popen([MAILTALK, "worker"], env=settings_of | {"MAILTALK_WORKER_PROCESSES": "2"})
    yield int(settings_of["MAILTALK_METRICS_PORT"])
    command.terminate()
    command.wait(60)


def test_several_workers_are_one_target(cast: Cast, workers: int) -> None:
    for user in ("alice", "bob", "carol"):
        cast.accept(user, Request(ChangeKind.JOIN))
    until(lambda: scrape(workers).get("mailtalk_changes_total{status=applied}") == 3, seconds=60)
    cast.say("alice", "hi")
    until(lambda: scrape(workers).get("mailtalk_delivery_attempts_total{stage=captured}") == 2, seconds=60)
    samples = scrape(workers)
    assert samples["mailtalk_commits_total"] > 0
    assert samples["mailtalk_batch_items_total{queue=changes}"] == 3
    assert samples["mailtalk_batch_seconds_count{queue=notifications}"] > 0


@pytest.fixture
def relay(settings_of: dict[str, str]) -> Iterator[Relay]:
    with Relay() as relay:
        settings_of["MAILTALK_RELAY_URL"] = relay.url
        yield relay


@pytest.fixture
def endpoint(settings_of: dict[str, str], cast: Cast, keyring: Keyring) -> Iterator[WebhookReceiver]:
    settings_of["MAILTALK_WEBHOOK_ALLOW_PRIVATE"] = "127.0.0.0/8"
    with webhook_receiver() as receiver:
        subscribe(cast, keyring, receiver.url, "message.sent")
        yield receiver


def test_the_wait_for_each_step_is_measured(cast: Cast, relay: Relay, endpoint: WebhookReceiver, workers: int) -> None:
    for user in ("alice", "bob", "carol"):
        cast.accept(user, Request(ChangeKind.JOIN))
    until(lambda: scrape(workers).get("mailtalk_changes_total{status=applied}") == 3, seconds=60)
    cast.say("alice", "hi")
    until(lambda: scrape(workers).get(f"{WAITED}{{queue=deliveries}}") == 2, seconds=60)
    until(lambda: scrape(workers).get(f"{WAITED}{{queue=webhooks}}") == 1, seconds=60)
    steps = {"changes": 3, "windows": 1, "notifications": 2, "deliveries": 2, "webhooks": 1}
    samples = scrape(workers)
    assert {step: samples.get(f"{WAITED}{{queue={step}}}") for step in steps} == steps
    assert samples["mailtalk_relay_replies_total{reply=2xx}{verb=.}"] == 2


def test_the_api_serves_what_the_database_knows(cast: Cast, settings_of: dict[str, str]) -> None:
    cast.accept("alice", Request(ChangeKind.JOIN))
    running = subprocess.Popen([MAILTALK, "api"], env=settings_of)
    port, api = int(settings_of["MAILTALK_METRICS_PORT"]), int(settings_of["MAILTALK_API_PORT"])
    try:
        until(lambda: scrape(port).get("mailtalk_queue_depth{queue=changes}") == 1, seconds=60)
        until(lambda: f"{SERVED}{{method=GET}}{{route=/healthz}}{{status=200}}" in ask(api, port), seconds=60)
        samples = scrape(port)
    finally:
        running.terminate()
        running.wait(60)
    assert (samples["mailtalk_workers"], samples["mailtalk_database_up"]) == (0, 1)
    assert samples["mailtalk_queue_age_seconds{queue=changes}"] > 0


def ask(api: int, metrics: int) -> Samples:
    """Send a request, and read the metrics."""
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{api}/healthz", timeout=5).close()
    except OSError:
        return {}
    return scrape(metrics)


def test_a_taken_port_is_named(settings_of: dict[str, str]) -> None:
    port = settings_of["MAILTALK_API_PORT"]
    done = subprocess.run(
        [MAILTALK, "bridge"],
        env=settings_of | {"MAILTALK_METRICS_PORT": port, "MAILTALK_METRICS_HOST": "192.0.2.1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert f"MAILTALK_METRICS_PORT = {port}, MAILTALK_METRICS_HOST = '192.0.2.1'" in done.stderr
