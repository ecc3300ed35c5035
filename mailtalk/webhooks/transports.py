"""Transports: how deliveries reach an endpoint, by signed POST (a webhook) or by Apprise (a channel)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from mailtalk import clock
from mailtalk.keys import Keyring, SealBroken
from mailtalk.models import Webhook
from mailtalk.vocabulary import EndpointKind
from mailtalk.webhooks import channels, endpoints, signing
from mailtalk.webhooks.delivery import EventDelivery
from mailtalk.webhooks.http_client import EndpointClient, HttpResult
from mailtalk.webhooks.ssrf import SsrfGuard

Send: TypeAlias = Callable[[EventDelivery], HttpResult]
HEADERS = {"Content-Type": "application/json", "User-Agent": "Mailtalk"}


@contextmanager
def connect(endpoint: Webhook, keyring: Keyring, guard: SsrfGuard) -> Iterator[Send]:
    """Function that sends one delivery to the endpoint; its connection is kept until the context ends."""
    if endpoint.kind == EndpointKind.CHANNEL:
        yield lambda delivery: _or_broken(lambda: channels.send(endpoints.secret_of(endpoint, keyring), delivery))
        return
    with EndpointClient(guard, endpoint.url) as client:
        yield lambda delivery: _or_broken(lambda: _post(client, endpoint, keyring, delivery))


def _post(client: EndpointClient, endpoint: Webhook, keyring: Keyring, delivery: EventDelivery) -> HttpResult:
    now, body = clock.now(), delivery.body
    secrets = endpoints.secrets_of(endpoint, keyring, now)
    return client.post(body, HEADERS | signing.headers(secrets, delivery.public_id, body, now))


def _or_broken(send: Callable[[], HttpResult]) -> HttpResult:
    try:
        return send()
    except SealBroken as error:
        return HttpResult(None, str(error))
