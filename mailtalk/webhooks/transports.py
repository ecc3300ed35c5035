"""Transports: how deliveries reach an endpoint, by signed POST (a webhook) or by Apprise (a channel)."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from mailtalk import clock
from mailtalk.keys import Keyring, SealBroken
from mailtalk.models import Webhook
from mailtalk.vocabulary import EndpointKind
from mailtalk.webhooks import channels, endpoints, signing
from mailtalk.webhooks.delivery import EventDelivery
from mailtalk.webhooks.http_client import EndpointClient, HttpResult
from mailtalk.webhooks.ssrf import SsrfGuard

THREADS = 32  # channels that are used at the same time
HEADERS = {"Content-Type": "application/json", "User-Agent": "Mailtalk"}


class Transports:
    """Transports to all endpoints, for one event loop; connections are kept for the next deliveries."""

    def __init__(self, keyring: Keyring, guard: SsrfGuard) -> None:
        self._keyring, self._guard = keyring, guard
        self._clients: dict[tuple[str, str, str], EndpointClient] = {}
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="channels")

    async def send(self, endpoint: Webhook, delivery: EventDelivery) -> HttpResult:
        """Send one delivery; trouble of any kind is in the result."""
        try:
            if endpoint.kind == EndpointKind.CHANNEL:
                return await self._notify(endpoints.secret_of(endpoint, self._keyring), delivery)
            return await self._post(endpoint, delivery)
        except SealBroken as error:
            return HttpResult(None, str(error))

    def tidy(self) -> None:
        """Close connections that were not used for a while."""
        self._clients = {key: client for key, client in self._clients.items() if client.tidy()}

    def close(self) -> None:
        """Close all idle connections."""
        for client in self._clients.values():
            client.close()
        self._threads.shutdown()

    async def _notify(self, url: str, delivery: EventDelivery) -> HttpResult:
        return await asyncio.get_running_loop().run_in_executor(self._threads, channels.send, url, delivery)

    async def _post(self, endpoint: Webhook, delivery: EventDelivery) -> HttpResult:
        now, body = clock.now(), delivery.body
        secrets = endpoints.secrets_of(endpoint, self._keyring, now)
        headers = HEADERS | signing.headers(secrets, delivery.public_id, body, now)
        return await self._client(endpoint).post(body, headers)

    def _client(self, endpoint: Webhook) -> EndpointClient:
        key = (endpoint.app_id, endpoint.id, endpoint.url)
        if key not in self._clients:
            self._clients[key] = EndpointClient(self._guard, endpoint.url)
        return self._clients[key]
