"""A relay for benchmarks: Postfix's smtp-sink, which takes all mails and keeps none, at a distance if wanted."""

import asyncio
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.measure import Missing
from bench.servers import Servers, free_port, wait_for_port

SINK = shutil.which("smtp-sink") or "/usr/sbin/smtp-sink"


@contextmanager
def relay(servers: Servers, round_trip: float = 0) -> Iterator[int]:
    """Run a relay that is so many seconds of round trip away; give its port."""
    if not Path(SINK).exists():
        raise Missing("the relay smtp-sink comes with Postfix, which is not installed")
    port = free_port()
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    with servers.program([SINK, *user, "-m", "500", f"127.0.0.1:{port}", "500"], {}):
        wait_for_port(port)
        if not round_trip:
            yield port
            return
        front = free_port()
        with servers.program([sys.executable, "-m", "bench.sink", str(front), str(port), str(round_trip)], {}):
            wait_for_port(front)
            yield front


async def _hand_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    """Write each chunk after the delay, without holding back the next one."""
    loop, last = asyncio.get_running_loop(), 0.0
    while chunk := await reader.read(65536):
        last = max(loop.time() + delay, last)
        loop.call_at(last, writer.write, chunk)
    loop.call_at(max(loop.time() + delay, last), writer.close)


async def _serve(front: int, port: int, round_trip: float) -> None:
    """Stand before the relay, half the round trip away in each direction."""

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        ways = (_hand_on(reader, back, round_trip / 2), _hand_on(there, writer, round_trip / 2))
        await asyncio.gather(*ways, return_exceptions=True)

    server = await asyncio.start_server(proxy, "127.0.0.1", front, backlog=500)
    await server.serve_forever()


if __name__ == "__main__":
    import uvloop

    uvloop.run(_serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
