"""Voices: how an endpoint is told, by a signed POST, or through a channel of another system."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from mailtalk import clock
from mailtalk.keys import Keyring, SealBroken
from mailtalk.models import Webhook
from mailtalk.vocabulary import EndpointKind
from mailtalk.webhooks import channels, endpoints, signing
from mailtalk.webhooks.delivery import Telling
from mailtalk.webhooks.http_client import Answer, Poster
from mailtalk.webhooks.ssrf import Guard

Voice: TypeAlias = Callable[[Telling], Answer]
FIXED = {"Content-Type": "application/json", "User-Agent": "Mailtalk"}


@contextmanager
def voice(row: Webhook, keyring: Keyring, guard: Guard) -> Iterator[Voice]:
    """What tells this endpoint one event after the other."""
    if row.kind == EndpointKind.CHANNEL:
        yield lambda telling: _unsealed(lambda: channels.send(endpoints.secret_of(row, keyring), telling))
        return
    with Poster(guard, row.url) as poster:
        yield lambda telling: _unsealed(lambda: _signed(poster, row, keyring, telling))


def _signed(poster: Poster, row: Webhook, keyring: Keyring, telling: Telling) -> Answer:
    now, body = clock.now(), telling.body
    keys = endpoints.secrets_of(row, keyring, now)
    return poster.post(body, FIXED | signing.headers(keys, telling.name, body, now))


def _unsealed(tell: Callable[[], Answer]) -> Answer:
    try:
        return tell()
    except SealBroken as error:
        return Answer(None, str(error))
