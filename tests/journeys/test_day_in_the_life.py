"""A day in an operator's life, by commands alone: install, watch, outage, backup, loss, restore, upgrade."""

import json
import os
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from support.clients import Backend, Post
from support.mailboxes import Relay
from support.product import Stack, free_port, until
from support.story import answer

from cli.local.embedded import Postgres

ROOT = Path(__file__).parents[2]
HELLO = "/conversations/hello"
GAUGE = "mailtalk_relay_paused"
WELL = {"settings", "database", "clock", "disk", "work"}  # what doctor checks on this machine
PAUSED = """
rule_files: [{rules}]
tests:
  - interval: 1m
    input_series: [{{series: '{series}', values: "{value}x10"}}]
    alert_rule_test:
      - eval_time: 8m
        alertname: MailtalkRelayPaused
        exp_alerts:
          - exp_labels: {{severity: critical, relay: "{relay}"}}
            exp_annotations:
              summary: The relay {relay} is not used
              description: It cannot be reached or refuses everything; mails wait. See `mailtalk doctor`.
"""


@pytest.fixture
def elsewhere(postgres: Postgres) -> Iterator[str]:
    """A new database on another server; gives its URL."""
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE elsewhere"))
        yield postgres.url.rpartition("/")[0] + "/elsewhere"
        connection.execute(sql.SQL("DROP DATABASE elsewhere WITH (FORCE)"))


class Operator:
    """What an operator does with one installation: the command, the scripts, the metrics."""

    def __init__(self, stack: Stack, mailtalk: Path, binaries: Path) -> None:
        self.stack, self.backend, self.post = stack, Backend(stack), Post(stack)
        self._path = f"{binaries}:{mailtalk.parent}:{os.environ['PATH']}"

    def json(self, *arguments: str) -> Any:
        return json.loads(self.stack.command(*arguments, "--json"))

    def findings(self) -> list[str]:
        findings: list[str] = self.json("status")["findings"]
        return findings

    def script(self, name: str, url: str, *arguments: Path) -> str:
        own = {"PATH": self._path, "MAILTALK_DATABASE_URL": url, "MAILTALK_SECRET_KEY": self.kept("secret_key")}
        words = [ROOT / "deploy/backup" / name, *arguments]
        done = subprocess.run(words, env=os.environ | own, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def kept(self, name: str) -> str:
        """A secret in the data directory."""
        return (self.stack.data / name).read_text(encoding="ascii").strip()

    def say(self, text: str) -> None:
        self.backend.post(f"{HELLO}/messages", [{"type": "UserMessage", "sender": "alice", "text": text}])

    def texts(self) -> list[str]:
        return [message["text"] for message in self.backend.get(f"{HELLO}/messages")["data"]]

    def paused(self) -> list[tuple[str, int]]:
        """Series of the gauge of paused relays that are not 0, with their values, as Prometheus reads them."""
        port = self.stack.environment["MAILTALK_METRICS_PORT"]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answered:
            lines = answered.read().decode().splitlines()
        pairs = [line.rsplit(" ", 1) for line in lines if line.startswith(GAUGE)]
        return [(series, int(float(value))) for series, value in pairs if float(value)]


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_day_in_the_life(installed: Path, tmp_path: Path, elsewhere: str, binaries: Path) -> None:
    with ExitStack() as ends:
        relay, outage = Relay(), ExitStack()
        outage.enter_context(relay)
        ends.callback(outage.close)
        settings = {"relay_url": relay.url, "metrics_port": str(free_port()), "worker_processes": "1"}
        (tmp_path / "one").mkdir()
        stack = Stack(tmp_path / "one", installed, **settings)
        operator = Operator(stack, installed, binaries)
        ends.callback(stack.close)
        stack.start()
        it_is_well(operator)
        people_talk(operator, relay)
        outage.close()
        status_and_alerts_tell(operator, relay, tmp_path)
        backup = Path(operator.script("backup.sh", operator.kept("database_url"), tmp_path / "backups"))
        relay = ends.enter_context(Relay(relay.port))
        it_recovers(operator, relay)
        stack.kill()
        operator.script("restore.sh", elsewhere, backup)
        key = operator.kept("secret_key")
        (tmp_path / "two").mkdir()
        kept = settings | {"database_url": elsewhere, "secret_key": key, "app_secret": operator.stack.secret}
        held = Stack(tmp_path / "two", installed, **kept, hold_outgoing="true")
        ends.callback(held.close)
        held.start()
        nothing_is_sent_twice(Operator(held, installed, binaries), relay)
        held.stop()
        again = Stack(tmp_path / "two", installed, **kept)
        ends.callback(again.close)
        again.start()
        an_upgrade_stops_nothing(Operator(again, installed, binaries), relay, elsewhere)


def it_is_well(operator: Operator) -> None:
    assert operator.stack.ready()["broker"] == "ok"
    done = subprocess.run(
        [*operator.stack.program, "doctor", "--without-mail", "--json"],
        env=operator.stack.environment,
        capture_output=True,
        check=False,
    )  # the names of this machine are in no DNS, which it says too
    levels = {(finding["check"], finding["level"]) for finding in json.loads(done.stdout)}
    assert {check for check, level in levels if level == "ok"} >= WELL
    assert not {check for check, level in levels if level == "error"} & WELL
    assert operator.findings() == []


def people_talk(operator: Operator, relay: Relay) -> None:
    for name in ("alice", "bob"):
        operator.backend.put(f"/users/{name}", {"name": name.title(), "email": f"{name}@example.com"})
    operator.backend.put(HELLO, {"subject": "Stars"})
    for name in ("alice", "bob"):
        operator.backend.put(f"{HELLO}/participants/{name}", {})
    operator.say("Shall we meet?")
    (mail,) = until("bob is mailed", relay.mails)
    operator.post.deliver("bob@example.com", mail.reply_to, answer(mail, "At nine."))
    until("bob's answer is a message", lambda: operator.texts() == ["At nine.", "Shall we meet?"])
    until("alice is mailed", lambda: len(relay.mails()) == 2)


def status_and_alerts_tell(operator: Operator, relay: Relay, directory: Path) -> None:
    operator.say("In the outage")
    name = f"127.0.0.1:{relay.port}"
    (finding,) = until("status tells", operator.findings)
    assert finding.startswith(f"The relay {name} is in trouble, its mails wait: ")
    ((series, value),) = until("the metric tells", operator.paused)
    assert series == f'{GAUGE}{{relay="{name}"}}'
    (mail,) = operator.json("deliveries", "list", "--stage", "queued")
    assert mail["address"] == "bob@example.com"
    if shutil.which("promtool"):  # the alert of these values fires
        rules = ROOT / "deploy/prometheus/alerts.yml"
        test = PAUSED.format(rules=rules, series=series, value=value, relay=name)
        (directory / "alert.yml").write_text(test)
        subprocess.run(["promtool", "test", "rules", directory / "alert.yml"], check=True)


def it_recovers(operator: Operator, relay: Relay) -> None:
    (mail,) = until("what waited is sent", relay.mails)
    assert "In the outage" in mail.text
    until("status is well again", lambda: operator.findings() == [])
    assert operator.json("deliveries", "list", "--stage", "queued") == []


def nothing_is_sent_twice(operator: Operator, relay: Relay) -> None:
    assert operator.texts() == ["In the outage", "At nine.", "Shall we meet?"]
    (waiting,) = operator.json("deliveries", "list", "--stage", "queued")  # the backup is of the outage
    operator.stack.command("deliveries", "cancel", waiting["id"], "--yes")
    assert operator.json("deliveries", "list", "--stage", "queued") == []
    assert len(relay.mails()) == 1


def an_upgrade_stops_nothing(operator: Operator, relay: Relay, url: str) -> None:
    operator.stack.command("migrate")  # of the new version, while the processes run
    operator.say("After the upgrade")
    until("bob is mailed", lambda: len(relay.mails()) == 2)
    mail = relay.mails()[1]
    assert "After the upgrade" in mail.text
    operator.post.deliver("bob@example.com", mail.reply_to, answer(mail, "Still here."))
    until("his answer is a message", lambda: operator.texts()[0] == "Still here.")
    until("status is well", lambda: operator.findings() == [])
