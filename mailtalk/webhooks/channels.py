"""Channels: notifications to Slack, Teams, ntfy, SMS and others by Apprise.

A channel is an endpoint whose URL holds credentials and is therefore sealed. Operators set it, apps cannot: the SSRF
guard does not apply.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailtalk import mentions
from mailtalk.conversations import apps
from mailtalk.errors import Invalid, NotFound
from mailtalk.keys import Keyring
from mailtalk.models import Webhook
from mailtalk.vocabulary import EndpointKind, EventType
from mailtalk.webhooks import endpoints
from mailtalk.webhooks.delivery import EventDelivery
from mailtalk.webhooks.http_client import HttpResult

PREFIX = "channel:"  # of their ids; a webhook's id has no colon
TITLE, BODY = 200, 1_500  # characters, at most
MISSING = "channels need Apprise: pip install 'mailtalk[channels]'"
FIELDS = ("userId", "phone", "email")
_FIELD = re.compile(r"\{(" + "|".join(FIELDS) + r")\}")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def put(  # noqa: PLR0913, PLR0917  its key and its URL
    session: Session, keyring: Keyring, now: datetime, app_id: str, name: str, url: str
) -> None:
    """Create or replace a channel; Invalid for a URL that Apprise does not know, or if Apprise is not installed."""
    apps.found(session, app_id)
    if not _NAME.fullmatch(name):
        raise Invalid({"name": ["must be 1 to 64 letters, digits, _ and -"]})
    _check(url)
    key = PREFIX + name
    row = session.get(Webhook, (app_id, key)) or Webhook(app_id=app_id, id=key, created_at=now)
    row.kind, row.events = EndpointKind.CHANNEL, [EventType.NOTIFICATION_TRIGGERED]
    row.url, row.secret_since = f"{url.partition('://')[0]}://", now
    row.secret_sealed = keyring.seal(url.encode(), about=endpoints.seal_name(app_id, key))
    session.add(row)
    session.flush()
    endpoints.resume(session, now, row)


def listed(session: Session, app_id: str | None = None) -> Sequence[Webhook]:
    """The channels of one app or of all apps, by id."""
    query = select(Webhook).where(Webhook.kind == EndpointKind.CHANNEL)
    if app_id is not None:
        query = query.where(Webhook.app_id == app_id)
    return session.scalars(query.order_by(Webhook.app_id, Webhook.id)).all()


def get(session: Session, app_id: str, name: str) -> Webhook:
    """The channel; NotFound if the app has none of this name."""
    row = session.get(Webhook, (app_id, PREFIX + name))
    if row is None:
        raise NotFound([f"no channel {name!r}; see: mailtalk channels list"])
    return row


def delete(session: Session, now: datetime, app_id: str, name: str) -> None:
    """Delete the channel and cancel its queued deliveries."""
    row = get(session, app_id, name)
    endpoints.cancel(session, now, app_id, row.id, "the channel was deleted")
    session.delete(row)


def send(url: str, delivery: EventDelivery) -> HttpResult:
    """Send a notification; {phone}, {email} and {userId} in the URL stand for its recipient's."""
    data = delivery.data or {}
    try:
        channel = _open(_fill(url, data.get("recipient") or {}))
    except LookupError as error:
        return HttpResult(None, f"the recipient has no {error.args[0]}", is_pointless=True)
    except Invalid:
        return HttpResult(None, MISSING)
    title, body = render(delivery)
    is_sent = channel.notify(title=title, body=body)
    return HttpResult(200, "") if is_sent else HttpResult(None, "the channel did not accept it")


def render(delivery: EventDelivery) -> tuple[str, str]:
    """Title and body of a notification, as plain text."""
    data = delivery.data or {}
    if delivery.type == EventType.WEBHOOK_TEST:
        return "Mailtalk", "This is a test: the channel works."
    conversation, recipient = data["conversation"], data["recipient"]
    lines = [mentions.plain(message["text"]) for message in data["messages"]]
    sender = (data.get("sender") or {}).get("name", "Someone")
    title = f"{sender} to {recipient['name']}: {conversation['subject'] or conversation['id']}"
    return _short(" ".join(title.split()), TITLE), _short("\n".join(filter(None, lines)), BODY) or "…"


def _check(url: str) -> None:
    # The form only: no request to the other system.
    _open(_fill(url, {"id": "1", "phone": ["15551234567"], "email": ["a@example.com"]}))


def _open(url: str) -> Any:
    try:
        from apprise import Apprise, AppriseAsset  # noqa: PLC0415  an optional extra
    except ImportError:
        raise Invalid([MISSING]) from None
    logging.getLogger("apprise").setLevel(logging.CRITICAL)  # its lines may hold secrets of the URL
    channel = Apprise(asset=AppriseAsset(async_mode=False, app_id="Mailtalk"))
    if not channel.add(url):
        raise Invalid({"url": ["unknown to Apprise; see github.com/caronc/apprise/wiki for the forms it takes"]})
    return channel


def _fill(url: str, recipient: Mapping[str, Any]) -> str:
    values = {"userId": recipient.get("id"), **{name: (recipient.get(name) or [None])[0] for name in FIELDS[1:]}}

    def fill(match: re.Match[str]) -> str:
        value = values[match[1]]
        if value is None:
            raise LookupError(match[1])
        return quote(str(value).lstrip("+"), safe="")

    return _FIELD.sub(fill, url)


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
