"""A receiver of webhooks: answers every POST with 204, and a GET with how many there were. `-m bench.receiver PORT`."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import urlopen

import uvloop

from bench.servers import Servers, free_port, wait_for_port


@contextmanager
def receiving(servers: Servers) -> Iterator[str]:
    """Run a receiver; give its URL."""
    port = free_port()
    with servers.program([sys.executable, "-m", "bench.receiver", str(port)], {}):
        wait_for_port(port)
        yield f"http://127.0.0.1:{port}/"


def received(url: str) -> int:
    """How many requests there were."""
    with urlopen(url) as answer:  # noqa: S310  ours
        return int(answer.read())


class _Receiver:
    def __init__(self) -> None:
        self.count = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one client's requests until it hangs up."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                _, _, rest = head.lower().partition(b"content-length:")
                await reader.readexactly(int(rest.partition(b"\r\n")[0] or 0))
                if head.startswith(b"POST"):
                    self.count += 1
                    writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
                else:
                    body = str(self.count).encode()
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


async def _serve(port: int) -> None:
    server = await asyncio.start_server(_Receiver().serve, "127.0.0.1", port, backlog=500)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
