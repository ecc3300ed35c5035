"""Latency of a reply: from the bridge's 250 until the message is visible at the API, at half of what is possible."""

import asyncio
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import uvloop

from bench import mails, people
from bench.http_load import body_length, request
from bench.measure import Benchmark, Figure, Sides, Values
from bench.servers import Servers, free_port, wait_for_port, wait_for_worker

PARTICIPANTS = 40
CONNECTIONS = 10
BURST = 100  # mails at once, to know what is possible: as many as one request for the newest shows
STEADY = 1_000
POLL = 0.01  # seconds between two requests for the newest messages
PATIENCE = 120.0
TOKEN = re.compile(rb"plan ([0-9a-f]{24})")


@dataclass
class _Run:
    """One run: when each mail was accepted, and when its message was first seen."""

    recipients: Sequence[str]
    count: int
    rate: float  # mails a second; 0: all at once
    accepted: dict[bytes, float] = field(default_factory=dict)
    seen: dict[bytes, float] = field(default_factory=dict)
    _next: int = 0

    async def send(self, port: int, start: float) -> None:
        """Send the next mails over one connection, each at its time."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await reader.readline()
        await _ask(reader, writer, b"HELO bench\r\n")
        while (number := self._next) < self.count:
            self._next += 1
            if self.rate:
                await asyncio.sleep(max(start + number / self.rate - time.monotonic(), 0))
            to = self.recipients[number % len(self.recipients)]
            mail = mails.reply(1, to)
            await _ask(reader, writer, b"MAIL FROM:<u1@example.com>\r\n")
            await _ask(reader, writer, b"RCPT TO:<%s>\r\n" % to.encode())
            await _ask(reader, writer, b"DATA\r\n")
            await _ask(reader, writer, mail + b".\r\n")
            self.accepted[_token(mail)] = time.monotonic()
        writer.close()

    async def watch(self, port: int, secret: str) -> None:
        """Ask for the newest messages until each mail is one."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        newest = request("GET", f"/v1/{people.APP}/conversations/c1/messages?limit=100", b"", secret)
        while len(self.accepted) < self.count or not self.accepted.keys() <= self.seen.keys():
            writer.write(newest)
            head = await reader.readuntil(b"\r\n\r\n")
            body = await reader.readexactly(body_length(head))
            now = time.monotonic()
            for token in TOKEN.findall(body):
                self.seen.setdefault(token, now)
            await asyncio.sleep(0 if self.rate == 0 else POLL)
        writer.close()

    def latencies(self) -> list[float]:
        """Milliseconds of each mail, in ascending order."""
        return sorted(max(self.seen[token] - at, 0) * 1000 for token, at in self.accepted.items())


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: bytes) -> None:
    writer.write(line)
    reply = await reader.readline()
    if reply[:1] not in {b"2", b"3"}:
        raise AssertionError(reply.decode(errors="replace"))


def _token(mail: bytes) -> bytes:
    found = TOKEN.search(mail)
    if found is None:
        raise AssertionError("the mail has no token")
    return found[1]


async def _measure(run: _Run, smtp_port: int, api_port: int, secret: str) -> float:
    """Run to its end; give mails a second from the first to the last message that is visible."""
    start = time.monotonic()
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as tasks:
        tasks.create_task(run.watch(api_port, secret))
        for _ in range(CONNECTIONS):
            tasks.create_task(run.send(smtp_port, start))
    return run.count / (time.monotonic() - start)


@contextmanager
def sides(servers: Servers) -> Iterator[Sides]:
    """Bridge, worker and API; each round first sends at once what fits, then half as much a second."""
    ports = {"api_port": free_port(), "smtp_port": free_port()}
    with (
        servers.tables() as (url, database),
        servers.mailtalk("worker", url),
        servers.mailtalk("api", url, **ports),
        servers.mailtalk("bridge", url, **ports),
    ):
        secret = people.introduce(servers, database, conversations=1, each=PARTICIPANTS)
        recipients = people.inbound_addresses(servers, database, PARTICIPANTS)
        wait_for_worker(database)
        for port in ports.values():
            wait_for_port(port)

        def measured(count: int, rate: float) -> tuple[_Run, float]:
            run = _Run(recipients, count, rate)
            return run, uvloop.run(_measure(run, ports["smtp_port"], ports["api_port"], secret))

        def ours() -> Values:
            _, possible = measured(BURST, 0)
            run, _ = measured(servers.size(STEADY), possible / 2)
            latencies = run.latencies()
            p50, p99 = (latencies[int(len(latencies) * share)] for share in (0.5, 0.99))
            return {"visible-p50": p50, "visible-p99": p99}

        yield Sides(ours)


BENCHMARKS = (
    Benchmark(
        "from the 250 of a reply to its message at the API, at half load",
        "-",
        [Figure("visible-p50", "ms", 100, "less"), Figure("visible-p99", "ms", 500, "less")],
        sides,
    ),
)
