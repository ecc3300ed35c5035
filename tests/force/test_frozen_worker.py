"""A worker that is frozen, as with its virtual machine, beside one that is not: its work is taken over, not redone."""

import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from pathlib import Path

import psutil
import pytest
from pydantic import SecretStr
from support.audience import audience
from support.cast import NAMES, Cast
from support.inbox import Box, mail
from support.servers import worker_process
from support.smtp_sink import Sink, sinking
from support.sql import column, rows
from support.waiting import until

from mailtalk.keys import Keyring
from mailtalk.settings.load import Settings

RECIPIENTS, CONNECTIONS, MAILS = 40, 4, 50
TAKEN_OVER = 90.0  # seconds: ten until it is noticed, fifteen until what is in doubt is repeated, and a busy machine


@pytest.fixture
def sink() -> Iterator[Sink]:
    with sinking() as sink:
        sink.delay, sink.extensions = 0.3, ("PIPELINING",)
        yield sink


@pytest.fixture
def settings(settings: Settings, sink: Sink) -> Settings:
    return settings.model_copy(update={"relay_url": SecretStr(sink.url), "relay_connections": CONNECTIONS})


@contextmanager
def frozen(worker: "subprocess.Popen[bytes]") -> Iterator[None]:
    """Stop a worker and its parsers at whatever instruction they are."""
    family = [psutil.Process(worker.pid), *psutil.Process(worker.pid).children(recursive=True)]
    for process in family:
        process.suspend()
    yield
    for process in family:
        process.resume()


@contextmanager
def beside(settings: Settings, directory: Path) -> Iterator[None]:
    """Run another worker, until it is killed."""
    directory.mkdir()
    with worker_process(settings, directory):
        yield
        log = (directory / "log").read_text()
    assert "was silent for 10 seconds; its work is taken over" in log


@pytest.mark.timeout(300)
def test_its_mails_are_sent_by_another_and_only_what_is_unknown_is_repeated(
    cast: Cast, sink: Sink, settings: Settings, tmp_path: Path
) -> None:
    cast.join("alice")
    audience(cast, RECIPIENTS)
    with worker_process(settings, tmp_path) as worker:
        cast.say("alice", "hello everybody")
        until(lambda: len(sink.mails) > CONNECTIONS)
        with frozen(worker), beside(settings, tmp_path / "other"):
            until(lambda: set(column(cast.database, "SELECT stage FROM deliveries")) == {"sent"}, TAKEN_OVER)
        cast.say("alice", "is the worker awake?")
        until(lambda: column(cast.database, "SELECT count(*) FROM deliveries WHERE stage = 'sent'") == [2 * RECIPIENTS])
        assert worker.poll() is None
    unknowns = {
        row.message_id: row.unknowns for row in rows(cast.database, "SELECT message_id, unknowns FROM deliveries")
    }
    copies = defaultdict(list)
    for raw in sink.mails:
        copies[message_from_bytes(raw)["Message-ID"]].append(raw)
    assert set(copies) == set(unknowns)
    assert {each for each, mails in copies.items() if len(mails) > 1 + unknowns[each]} == set()
    assert {each for each, mails in copies.items() if len(set(mails)) > 1} == set()
    assert 0 < sum(unknowns.values()) <= CONNECTIONS


@pytest.mark.long  # as with outgoing mail
@pytest.mark.timeout(300)
def test_what_it_claimed_of_inbound_mail_becomes_one_message_each_in_order(
    cast: Cast, keyring: Keyring, settings: Settings, tmp_path: Path
) -> None:
    cast.join(*NAMES)
    box = Box(cast, keyring)
    writers = {name: box.bearer(name) for name in NAMES}
    for number in range(MAILS):
        for name, bearer in writers.items():
            box.receive(mail(f"{name} {number}", sender=f"{name}@example.com"), bearer)
    with worker_process(settings, tmp_path) as worker:
        until(lambda: column(cast.database, "SELECT 1 FROM inbound_mails WHERE worker_id IS NOT NULL LIMIT 1"))
        with frozen(worker), beside(settings, tmp_path / "other"):
            assert column(cast.database, "SELECT 1 FROM inbound_mails WHERE worker_id IS NOT NULL LIMIT 1")
            until(
                lambda: not column(cast.database, "SELECT 1 FROM inbound_mails WHERE outcome = 'received'"), TAKEN_OVER
            )
        box.receive(mail("bob is back"), writers["bob"])
        until(lambda: box.texts()[-1] == "bob is back")
    texts = box.texts()
    assert max(Counter(texts).values()) == 1
    for name in writers:
        said = [text for text in texts if text.startswith(f"{name} ")]
        assert said[:MAILS] == [f"{name} {number}" for number in range(MAILS)]
