"""250, 200 and 202 mean "on disk": no answer before the log's sync, and who never heard it may send the same again.

`make prove-250` has 10,000 clients vanish between the final dot and its answer.
"""

import asyncio
import os
import re
import smtplib
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import psutil
import pytest
from pydantic import SecretStr
from stacks import ForkedStack, forked
from support.cast import NAMES, Cast
from support.servers import make_settings
from support.smtp_client import address_of
from support.smtp_sink import sinking
from support.sql import column, rows
from support.waiting import until
from tracing import traced

from cli.local.embedded import Valkey
from mailtalk.db.database import Database
from mailtalk.keys import Keyring

CLIENTS = int(os.environ.get("VANISHING", "200"))
AT_ONCE, ANSWERS = 40, 20
PATIENCE = 120.0 + CLIENTS / 4
KEYRING = Keyring.from_setting("k" * 32)
CALLS = "trace=fdatasync,fsync,write,writev,sendto,sendmsg"
BACKGROUND = "SELECT pid FROM pg_stat_activity WHERE backend_type <> 'client backend'"
SYNC = re.compile(r"(fdatasync|fsync)(\(\d+\)| resumed>\)) += 0")
MAIL_TAKEN = re.compile(r'write(v)?\(\d+, .*"250 2\.0\.0 OK: queued')
REQUEST_TAKEN = re.compile(r'(write(v)?|sendto|sendmsg)\(\d+, .*"HTTP/1\.1 20[02]')


@pytest.fixture
def stack(
    database: Database, keyring: Keyring, valkey: Valkey, database_url: str, tmp_path: Path
) -> Iterator[ForkedStack]:
    settings = make_settings(database_url=SecretStr(database_url), redis_url=SecretStr(valkey.url))
    with sinking() as sink:
        cast = Cast.introduce(database, keyring)
        with forked(settings, sink, cast, tmp_path, more={"SMTP_SESSIONS_PER_HOST": "500"}) as stack:
            yield stack


@pytest.fixture
def strace(durable: ForkedStack, tmp_path: Path) -> Iterator[Path]:
    """The system calls of the API, the bridge and PostgreSQL's sessions, in one order."""
    server = column(durable.cast.database, "SELECT pg_backend_pid()")[0]
    postmaster = psutil.Process(server).ppid()
    pids = [*durable.pids.values(), postmaster, *(child.pid for child in psutil.Process(postmaster).children())]
    with traced(pids, tmp_path / "strace", "-s", "80", "-e", CALLS) as log:
        yield log


@pytest.mark.timeout(300)
def test_the_log_is_synced_before_every_answer(
    durable: ForkedStack, strace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address = address_of(durable.cast, KEYRING, "bob")
    background = set(column(durable.cast.database, BACKGROUND))
    with durable.client() as http, smtplib.SMTP(*durable.smtp, timeout=60) as client:
        for number in range(ANSWERS):
            client.sendmail("bob@example.com", [address], f"From: bob@example.com\r\n\r\n{number}\r\n")
            body = [{"type": "UserMessage", "sender": "alice", "text": str(number)}]
            assert http.post("/conversations/hello/messages", json=body).status_code == 200
            path = "/conversations/hello/participants/carol"
            assert http.patch(path, json={"notify": False}, headers={"Prefer": "respond-async"}).status_code == 202
    until(lambda: len(answers(strace, background)) >= 3 * ANSWERS)
    early = [line for line, synced in answers(strace, background) if not synced]
    with capsys.disabled():
        print(f"\nanswers={3 * ANSWERS} before-the-sync={len(early)}")  # noqa: T201  make prove-250 shows it
    assert early == []


def answers(strace: Path, background: set[int]) -> list[tuple[str, bool]]:
    """Each answer that says yes, and whether a session's sync ended between the answer before it and itself."""
    found, synced = [], False
    for line in strace.read_text("utf-8", "replace").splitlines():
        if SYNC.search(line) and int(line.split()[0]) not in background:
            synced = True
        elif MAIL_TAKEN.search(line) or REQUEST_TAKEN.search(line):
            found.append((line, synced))
            synced = False
    return found


@pytest.mark.timeout(PATIENCE + 300)
def test_clients_that_vanish_before_the_answer_and_come_back_are_heard_once(
    stack: ForkedStack, capsys: pytest.CaptureFixture[str]
) -> None:
    rows(stack.cast.database, "UPDATE participations SET notify = 'Off'")  # mails to them are not asked about here
    addresses = [address_of(stack.cast, KEYRING, name) for name in NAMES]
    asyncio.run(everybody(stack, addresses))
    until(lambda: column(stack.cast.database, "SELECT 1 FROM inbound_mails WHERE outcome = 'received'") == [], PATIENCE)
    said = Counter(column(stack.cast.database, "SELECT text FROM messages"))
    kept = column(stack.cast.database, "SELECT count(*) FROM raw_mails")[0]
    doubled = sum(number > 1 for number in said.values())
    with capsys.disabled():
        told = f"clients={CLIENTS} mails-kept={kept} messages={len(said)} doubled={doubled}"
        print(f"\n{told}")  # noqa: T201  make prove-250 shows it
    assert set(said) == {f"mail {number}" for number in range(CLIENTS)}
    assert doubled == 0
    assert kept > CLIENTS  # some were kept before their client vanished


async def everybody(stack: ForkedStack, addresses: list[str]) -> None:
    """Each client, many at once."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> None:
        async with room:
            name, address = NAMES[number % len(NAMES)], addresses[number % len(NAMES)]
            head = f"From: {name}@example.com\r\nMessage-ID: <{number}@example.com>\r\n"
            raw = f"{head}\r\nmail {number}\r\n.\r\n".encode()
            await send(stack, name, address, raw, vanishes=True)
            while not await send(stack, name, address, raw, vanishes=False):
                pass

    await asyncio.gather(*map(one, range(CLIENTS)))


async def send(stack: ForkedStack, name: str, address: str, raw: bytes, *, vanishes: bool) -> bool:
    """Send a mail; False if it was not answered 250, or the client did not wait for that."""
    reader, writer = await asyncio.open_connection(*stack.smtp)
    with closing(writer), suppress(OSError):
        for line in ("", "EHLO mta.example", f"MAIL FROM:<{name}@example.com>", f"RCPT TO:<{address}>", "DATA"):
            writer.write(f"{line}\r\n".encode() if line else b"")
            while (answer := await reader.readline())[3:4] == b"-":
                pass
            if answer[:1] not in {b"2", b"3"}:
                return False
        writer.write(raw)
        if not vanishes:
            return (await reader.readline()).startswith(b"250")
        await writer.drain()
    return False
