"""Webhook receiver on a real socket: records the requests and answers as a test wants."""

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
from mailtalk.webhooks.endpoints import EndpointSpec
from mailtalk.webhooks.ssrf import SsrfGuard

PRIVATE = SsrfGuard("127.0.0.0/8")
SECRET = "whsec_" + "c2VjcmV0" * 6


@dataclass(frozen=True)
class ReceivedRequest:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(self.body)
        return event


@dataclass
class WebhookReceiver:
    """Requests that came, and how the next is answered: `answer` returns (status, headers), or waits."""

    url: str
    requests: list[ReceivedRequest] = field(default_factory=list)
    answer: Callable[[ReceivedRequest], tuple[int, dict[str, str]]] = lambda _request: (200, {})
    connections: int = 0

    @property
    def events(self) -> list[dict[str, Any]]:
        return [request.event for request in list(self.requests)]

    @property
    def types(self) -> list[str]:
        return [event["type"] for event in self.events]


@contextmanager
def webhook_receiver() -> Iterator[WebhookReceiver]:
    receiver: WebhookReceiver

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            receiver.connections += 1
            super().setup()

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = self.rfile.read(length)
            if len(body) < length:  # the sender was killed meanwhile
                self.close_connection = True
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = ReceivedRequest(self.path, headers, body)
            receiver.requests.append(request)
            status, headers = receiver.answer(request)
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
            pass  # a sender may go away

    server = Server(("127.0.0.1", 0), Handler)
    receiver = WebhookReceiver(f"http://127.0.0.1:{server.server_port}/hook")
    thread = threading.Thread(target=server.serve_forever, args=[0.05])
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def subscribe(
    cast: Cast, keyring: Keyring, url: str, *events: str, name: str = "main", ordered: bool = False
) -> Webhook:
    with cast.database.transaction() as session:
        spec = EndpointSpec(url, events or None, SECRET, ordered)
        return endpoints.put(session, keyring, PRIVATE, clock.now(), cast.app_id, name, spec)[0]
