"""A load generator for HTTP: kept connections, each with one request at a time, and no more per request than needed."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import uvloop


class Served(NamedTuple):
    """What a load measured: seconds in all, and of each request."""

    seconds: float
    latencies: Sequence[float]

    def percentile(self, share: float) -> float:
        """The latency in milliseconds that this share of the requests stays below."""
        return sorted(self.latencies)[min(int(len(self.latencies) * share), len(self.latencies) - 1)] * 1000


def request(method: str, path: str, body: bytes, secret: str = "") -> bytes:
    """Format a request with a JSON body."""
    return (
        f"{method} {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {secret}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def send(port: int, clients: Sequence[Iterable[bytes]], status: int) -> Served:
    """Send each client's requests over a connection of its own; every answer must have this status."""
    return uvloop.run(_send(port, clients, status))


async def _send(port: int, clients: Sequence[Iterable[bytes]], status: int) -> Served:
    start = time.monotonic()
    latencies = await asyncio.gather(*(_client(port, requests, status) for requests in clients))
    return Served(time.monotonic() - start, [seconds for client in latencies for seconds in client])


async def _client(port: int, requests: Iterable[bytes], status: int) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    latencies = []
    for data in requests:
        start = time.monotonic()
        writer.write(data)
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(body_length(head))
        latencies.append(time.monotonic() - start)
        if not head.startswith(b"HTTP/1.1 %d" % status):
            raise AssertionError((head + body).decode(errors="replace"))
    writer.close()
    return latencies


def body_length(head: bytes) -> int:
    """Bytes of the body behind a response's header."""
    return int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
