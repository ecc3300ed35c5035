"""A receiver of webhooks on a real socket, which notes what it is told and answers as a test wants."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from support.cast import Cast

from mailtalk import clock
from mailtalk.keys import Keyring
from mailtalk.models import Webhook
from mailtalk.webhooks import endpoints
from mailtalk.webhooks.endpoints import Wish
from mailtalk.webhooks.ssrf import Guard

PRIVATE = Guard("127.0.0.0/8")
SECRET = "whsec_" + "c2VjcmV0" * 6


@dataclass(frozen=True)
class Heard:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(self.body)
        return event


@dataclass
class Receiver:
    """What it heard, and how it answers: `answer` gives (status, headers), or waits."""

    url: str
    heard: list[Heard] = field(default_factory=list)
    answer: Callable[[Heard], tuple[int, dict[str, str]]] = lambda _heard: (200, {})
    connections: int = 0

    @property
    def events(self) -> list[dict[str, Any]]:
        return [each.event for each in list(self.heard)]

    @property
    def types(self) -> list[str]:
        return [each["type"] for each in self.events]


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver: Receiver

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            receiver.connections += 1
            super().setup()

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = self.rfile.read(length)
            if len(body) < length:  # who tells it was killed meanwhile
                self.close_connection = True
                return
            heard = Heard(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            receiver.heard.append(heard)
            status, headers = receiver.answer(heard)
            self.send_response(status)
            for name, value in {"Content-Length": "0", **headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_args: object) -> None:
            pass  # who posts may go away

    server = Server(("127.0.0.1", 0), Handler)
    receiver = Receiver(f"http://127.0.0.1:{server.server_port}/hook")
    thread = threading.Thread(target=server.serve_forever, args=[0.05])
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def subscribe(cast: Cast, keyring: Keyring, url: str, *events: str, name: str = "main") -> Webhook:
    with cast.database.transaction() as session:
        wish = Wish(url, events or None, SECRET)
        return endpoints.put(session, keyring, PRIVATE, clock.now(), cast.app_id, name, wish)[0]
