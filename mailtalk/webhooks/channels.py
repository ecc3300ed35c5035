"""Channels: Slack, Teams, ntfy, SMS and others, told by Apprise of who was to be notified of what.

A channel is an endpoint whose URL holds credentials and is sealed. The operator sets it, no app: it is not guarded.
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
from mailtalk.webhooks.delivery import Telling
from mailtalk.webhooks.http_client import Answer

PREFIX = "channel:"  # of their ids: no webhook's has a colon
TITLE, BODY = 200, 1_500  # characters
MISSING = "channels need Apprise: pip install 'mailtalk[channels]'"
FIELDS = ("userId", "phone", "email")
_FIELD = re.compile(r"\{(" + "|".join(FIELDS) + r")\}")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def put(  # noqa: PLR0913, PLR0917  which one, and where it leads
    session: Session, keyring: Keyring, now: datetime, app_id: str, name: str, url: str
) -> None:
    """Make or change a channel; Invalid for a URL that Apprise does not know, and when there is no Apprise."""
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
    """The channels of an app, or of all."""
    query = select(Webhook).where(Webhook.kind == EndpointKind.CHANNEL)
    if app_id is not None:
        query = query.where(Webhook.app_id == app_id)
    return session.scalars(query.order_by(Webhook.app_id, Webhook.id)).all()


def get(session: Session, app_id: str, name: str) -> Webhook:
    """The channel; NotFound when the app has none of this name."""
    row = session.get(Webhook, (app_id, PREFIX + name))
    if row is None:
        raise NotFound([f"no channel {name!r}; see: mailtalk channels list"])
    return row


def delete(session: Session, now: datetime, app_id: str, name: str) -> None:
    """Delete the channel, and what it was not yet told."""
    row = get(session, app_id, name)
    endpoints.cancel(session, now, app_id, row.id, "the channel was deleted")
    session.delete(row)


def send(url: str, telling: Telling) -> Answer:
    """Tell a channel; whom the event is about may stand in the URL as {phone}, {email} or {userId}."""
    data = telling.data or {}
    try:
        found = _opened(_filled(url, data.get("recipient") or {}))
    except LookupError as error:
        return Answer(None, f"the recipient has no {error.args[0]}", is_pointless=True)
    except Invalid:
        return Answer(None, MISSING)
    title, body = told(telling)
    return Answer(200, "") if found.notify(title=title, body=body) else Answer(None, "the channel took it not")


def told(telling: Telling) -> tuple[str, str]:
    """Title and text of a notification, as plain text."""
    data = telling.data or {}
    if telling.type == EventType.WEBHOOK_TEST:
        return "Mailtalk", "This is a test: the channel works."
    conversation, recipient = data["conversation"], data["recipient"]
    lines = [mentions.plain(message["text"]) for message in data["messages"]]
    sender = (data.get("sender") or {}).get("name", "Somebody")
    title = f"{sender} to {recipient['name']}: {conversation['subject'] or conversation['id']}"
    return _short(" ".join(title.split()), TITLE), _short("\n".join(filter(None, lines)), BODY) or "…"


def _check(url: str) -> None:
    # Only the form: nothing is asked of the other system.
    _opened(_filled(url, {"id": "1", "phone": ["15551234567"], "email": ["a@example.com"]}))


def _opened(url: str) -> Any:
    try:
        from apprise import Apprise, AppriseAsset  # noqa: PLC0415  it is an extra
    except ImportError:
        raise Invalid([MISSING]) from None
    logging.getLogger("apprise").setLevel(logging.CRITICAL)  # it may name what is secret in a URL
    channel = Apprise(asset=AppriseAsset(async_mode=False, app_id="Mailtalk"))
    if not channel.add(url):
        raise Invalid({"url": ["is no URL of a channel that Apprise knows; see its documentation"]})
    return channel


def _filled(url: str, recipient: Mapping[str, Any]) -> str:
    values = {"userId": recipient.get("id"), **{name: (recipient.get(name) or [None])[0] for name in FIELDS[1:]}}

    def fill(match: re.Match[str]) -> str:
        value = values[match[1]]
        if value is None:
            raise LookupError(match[1])
        return quote(str(value).lstrip("+"), safe="")

    return _FIELD.sub(fill, url)


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
