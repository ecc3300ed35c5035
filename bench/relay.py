"""Mails a second to a relay that is 20 ms away: ours, smtplib with and without a kept connection, aiosmtplib.

    python bench/relay.py [--rtt 0.02] [--seconds 5]

The relay is a sink in a process of its own, behind a proxy that holds each chunk back for half the round trip.
"""

import argparse
import asyncio
import multiprocessing
import smtplib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection

from mailtalk.outbound.relay import Relays
from mailtalk.outbound.smtp_connection import SmtpEnvelope

MAIL = b"Subject: hi\r\nMessage-ID: <1@example.com>\r\n\r\n" + b"0123456789 0123456789 0123456789\r\n" * 60
FROM, TO = "notify@example.com", "bob@example.com"
HELLO = "250-sink\r\n{}250 8BITMIME\r\n"


async def sink(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, pipelining: bool) -> None:
    """The least that takes mails."""
    writer.write(b"220 sink\r\n")
    hello = HELLO.format("250-PIPELINING\r\n" if pipelining else "").encode()
    while line := await reader.readline():
        verb = line[:4].upper()
        if verb == b"DATA":
            writer.write(b"354 go on\r\n")
            await reader.readuntil(b"\r\n.\r\n")
        writer.write(hello if verb == b"EHLO" else b"221 bye\r\n" if verb == b"QUIT" else b"250 OK\r\n")
    writer.close()


async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    """Hand on each chunk after a while; the next ones do not wait for it."""
    loop, last = asyncio.get_running_loop(), 0.0
    while chunk := await reader.read(65536):
        last = max(loop.time() + delay, last)
        loop.call_at(last, writer.write, chunk)
    loop.call_at(max(loop.time() + delay, last), writer.close)


async def serve(told: Connection, rtt: float, *, pipelining: bool) -> None:
    """Listen, and tell the port."""
    behind = await asyncio.start_server(lambda r, w: sink(r, w, pipelining=pipelining), "127.0.0.1", 0)
    port = behind.sockets[0].getsockname()[1]

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(late(reader, back, rtt / 2), late(there, writer, rtt / 2), return_exceptions=True)

    front = await asyncio.start_server(proxy, "127.0.0.1", 0)
    told.send(front.sockets[0].getsockname()[1])
    await asyncio.Event().wait()


@contextmanager
def listening(rtt: float, *, pipelining: bool) -> Iterator[int]:
    """The port of a relay that is so far away."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(
        target=lambda: asyncio.run(serve(theirs, rtt, pipelining=pipelining)), daemon=True
    )
    process.start()
    yield ours.recv()
    process.kill()


def rate(send: Callable[[], object], connections: int, seconds: float) -> float:
    """How many mails a second so many threads send."""
    end, counts = time.monotonic() + seconds, [0] * connections

    def run(at: int) -> None:
        while time.monotonic() < end:
            send()
            counts[at] += 1

    with ThreadPoolExecutor(connections) as pool:
        list(pool.map(run, range(connections)))
    return sum(counts) / seconds


def ours(port: int, connections: int, seconds: float) -> float:
    """The product's own relays, a task for each connection."""
    envelope = SmtpEnvelope(FROM, TO, "1")

    async def yes() -> bool:
        return True

    async def run() -> float:
        relays, end, count = Relays(f"smtp://127.0.0.1:{port}", connections=connections), time.monotonic() + seconds, 0

        async def send() -> None:
            nonlocal count
            while time.monotonic() < end:
                await relays.send(envelope, MAIL, yes)
                count += 1

        await asyncio.gather(*[send() for _ in range(connections)])
        await relays.close()
        return count / seconds

    return asyncio.run(run())


def by_smtplib(port: int, connections: int, seconds: float) -> float:
    """A connection for each mail, as most programs do it."""

    def send() -> None:
        with smtplib.SMTP("127.0.0.1", port) as client:
            client.sendmail(FROM, [TO], MAIL)

    return rate(send, connections, seconds)


def by_kept_smtplib(port: int, connections: int, seconds: float) -> float:
    """A connection for each thread."""
    kept = threading.local()

    def send() -> None:
        if not hasattr(kept, "client"):
            kept.client = smtplib.SMTP("127.0.0.1", port)
        kept.client.sendmail(FROM, [TO], MAIL)

    return rate(send, connections, seconds)


def by_aiosmtplib(port: int, connections: int, seconds: float) -> float:
    """Kept connections in one event loop; it need not be installed."""
    import aiosmtplib  # noqa: PLC0415

    async def send(end: float) -> int:
        count = 0
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port) as client:
            while time.monotonic() < end:
                await client.sendmail(FROM, [TO], MAIL)
                count += 1
        return count

    async def run() -> float:
        end = time.monotonic() + seconds
        return sum(await asyncio.gather(*[send(end) for _ in range(connections)])) / seconds

    return asyncio.run(run())


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rtt", type=float, default=0.02)
    parser.add_argument("--seconds", type=float, default=5)
    given = parser.parse_args()
    ways = {
        "smtplib, a connection each": (by_smtplib, True),
        "smtplib, kept": (by_kept_smtplib, True),
        "aiosmtplib, kept": (by_aiosmtplib, True),
        "ours, no PIPELINING there": (ours, False),
        "ours": (ours, True),
    }
    print(f"mails a second, {given.rtt * 1000:g} ms round trip; connections: 1, 8")
    for name, (way, pipelining) in ways.items():
        with listening(given.rtt, pipelining=pipelining) as port:
            try:
                found = [way(port, connections, given.seconds) for connections in (1, 8)]
            except ImportError:
                continue
        print(f"{name:28}" + "".join(f"{each:8.0f}" for each in found))


if __name__ == "__main__":
    main()
