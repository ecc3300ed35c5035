"""`POST /ingress/{provider}`, and its events: store what a provider posts, and answer 200 after the commit."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from urllib.parse import parse_qsl

from pydantic import SecretStr
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api import body
from api.ingress.events import EVENTS
from api.ingress.post import Post
from api.ingress.providers import PROVIDERS
from api.request import Services
from api.wire import reply
from mailtalk import clock
from mailtalk.errors import Invalid, NotFound, TooLarge
from mailtalk.inbound import handover
from mailtalk.outbound import provider_reports
from mailtalk.settings.load import Settings
from worker.bell import PROCESS_INBOUND, SEND_WEBHOOKS

FIELDS = 50  # of a form
MULTIPART, URLENCODED = "multipart/form-data", "application/x-www-form-urlencoded"
EXPANSION = {URLENCODED: 3, "application/json": 2, "text/plain": 2}  # of a mail's bytes in such a body
OVERHEAD = 100_000  # bytes beside the mail
EVENT_BYTES = 1_000_000  # of one post of events; SendGrid's have up to 768 kB
TOO_MANY = f"holds more than {EVENT_BYTES} bytes of events"
EVENT_SECRETS = {  # Postmark and Mailgun prove mails and events in the same way
    "mailgun": "ingress_mailgun",
    "postmark": "ingress_postmark",
    "sendgrid": "ingress_sendgrid_events",
    "ses": "ingress_ses_events",
}

Endpoint = Callable[[Request], Awaitable[Response]]

log = logging.getLogger(__name__)


def routes(settings: Settings) -> list[Route]:
    """Routes of the providers that are set up."""
    mails, events = _mails(settings), _events(settings)
    return [
        Route("/ingress/{provider}", mails, methods=["POST"]),
        Route("/ingress/{provider}/mime", mails, methods=["POST"]),
        Route("/ingress/{provider}/events", events, methods=["POST"]),
    ]


def _mails(settings: Settings) -> Endpoint:
    set_up, most = _values(settings, {name: f"ingress_{name}" for name in PROVIDERS}), settings.smtp_message_bytes

    async def take(request: Request) -> Response:
        name = _provider(request, set_up)
        mail = await run_in_threadpool(PROVIDERS[name], await _read(request, most), set_up[name])
        if mail is None:
            return reply({})
        if len(mail.raw) > most:
            raise _too_large(most)
        services: Services = request.app.state.services
        unknown = await services.transact(
            lambda session: handover.store(session, services.keyring, services.scheme.domain, mail, clock.now())
        )
        request.app.state.bell.ring(PROCESS_INBOUND)
        log.info("%s posted a mail for %d recipients, %d of them unknown", name, len(mail.recipients), len(unknown))
        return reply({"stored": len(set(mail.recipients)) - len(unknown), "unknown": len(unknown)})

    return take


def _events(settings: Settings) -> Endpoint:
    reporting, suppress = _values(settings, EVENT_SECRETS), timedelta(days=settings.suppress_days)

    async def take(request: Request) -> Response:
        name = _provider(request, reporting)
        raw = await body.whole(request, EVENT_BYTES, TooLarge({"body": [TOO_MANY]}))
        post = await run_in_threadpool(EVENTS[name], Post(_headers(request), raw, {}), reporting[name])
        services: Services = request.app.state.services
        keyring = services.keyring
        counts = await services.transact(
            lambda session: provider_reports.record(session, keyring, clock.now(), name, post, suppress)
        )
        request.app.state.bell.ring(SEND_WEBHOOKS)
        log.info("%s posted events: %s", name, dict(counts) or "none of a bounce or complaint")
        return reply(dict(counts))

    return take


def _provider(request: Request, set_up: Mapping[str, str]) -> str:
    """Provider of the path. NotFound if it is not set up."""
    name: str = request.path_params["provider"]
    if name not in set_up:
        raise NotFound(["not found"])
    return name


def _values(settings: Settings, fields: Mapping[str, str]) -> dict[str, str]:
    """Secrets of the providers that are set up, by name of the provider."""
    return {name: _text(value) for name, field in fields.items() if (value := getattr(settings, field))}


def _text(value: SecretStr | str) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _headers(request: Request) -> Mapping[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}


async def _read(request: Request, most: int) -> Post:
    headers = _headers(request)
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == MULTIPART:
        return Post(headers, b"", await _parts(request, most))
    raw = await body.whole(request, round(most * EXPANSION.get(kind, 1)) + OVERHEAD, _too_large(most))
    return Post(headers, raw, _urlencoded(raw) if kind == URLENCODED else {})


async def _parts(request: Request, most: int) -> Mapping[str, bytes]:
    """Fields of a multipart form, byte for byte: as Latin-1 each byte is a character."""
    headers = request.headers.mutablecopy()
    headers["content-type"] += "; charset=latin-1"
    chunks = body.bounded(request, most + OVERHEAD, _too_large(most))
    parser = MultiPartParser(headers, chunks, max_files=FIELDS, max_fields=FIELDS, max_part_size=most + OVERHEAD)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise Invalid({"body": [error.message]}) from None
    try:
        return {name: await _bytes(value) for name, value in form.items()}
    finally:
        await form.close()


async def _bytes(value: UploadFile | str) -> bytes:
    return await value.read() if isinstance(value, UploadFile) else value.encode("latin-1")


def _urlencoded(raw: bytes) -> Mapping[str, bytes]:
    try:
        fields = parse_qsl(raw.decode("latin-1"), keep_blank_values=True, encoding="latin-1", max_num_fields=FIELDS)
    except ValueError:
        raise Invalid({"body": [f"has more than {FIELDS} fields"]}) from None
    return {name: value.encode("latin-1") for name, value in fields}


def _too_large(most: int) -> TooLarge:
    return TooLarge({"body": [f"holds a mail of more than {most} bytes"]})
