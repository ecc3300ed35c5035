"""`mailtalk notifications tail`: events as they happen, one a line."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import click
from sqlalchemy import ARRAY, BigInteger, func, literal, select

from cli import connect, printing
from cli.options import Moment, any_app_option, json_option
from mailtalk import clock
from mailtalk.conversations import apps
from mailtalk.db.database import Database
from mailtalk.errors import Unavailable
from mailtalk.ids import EVENT
from mailtalk.models import App, Event, Webhook
from mailtalk.vocabulary import EndpointKind, EventType

POLL = 0.5  # seconds
LEASE = timedelta(seconds=60)  # a listener that was killed expires after this
OVERLAP = timedelta(seconds=10)  # an event may become visible a little after a younger one
MAIL_EVENTS = tuple(kind for kind in EventType if kind.startswith(("notification.", "email.")))


@click.group()
def notifications() -> None:
    """Follow notifications."""


@notifications.command()
@any_app_option
@click.option("--since", type=Moment(), metavar="TIME", help="Start then: ISO 8601, or a time ago: 15m, 2h, 3d.")
@click.option("--all", "everything", is_flag=True, help="Every event, not only those of mails.")
@json_option
def tail(app_id: str | None, since: datetime | None, *, everything: bool, as_json: bool) -> None:
    """Print a line for each notification as it is triggered, sent or bounced, until Ctrl-C.

    Past events are there only if a webhook, a channel or another tail wanted them.
    """
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell ignores them in what it starts in the background
        signal.signal(number, signal.default_int_handler)
    types, start = tuple(EventType) if everything else MAIL_EVENTS, since or clock.now()
    print_event = _print_json if as_json else _print_line
    with connect.database() as database, _listening(database, app_id, types) as renew:
        for event in _follow(database, app_id, types, start, renew):
            print_event(event)


@contextmanager
def _listening(database: Database, app_id: str | None, types: tuple[EventType, ...]) -> Iterator[Any]:
    """Register a listener, so that events are kept even if no webhook wants them."""
    listener = f"listener:{socket.gethostname()}/{os.getpid()}"

    def renew(*, until: datetime) -> None:
        with database.transaction() as session:
            if app_id is not None:
                apps.found(session, app_id)
            for listened_id in [app_id] if app_id is not None else list(session.scalars(select(App.id))):
                row = session.get(Webhook, (listened_id, listener)) or _listener(listened_id, listener, types)
                row.until = until
                session.add(row)

    renew(until=clock.now() + LEASE)
    try:
        yield renew
    finally:
        with database.transaction() as session:
            for row in session.scalars(select(Webhook).where(Webhook.id == listener)):
                session.delete(row)


def _listener(app_id: str, listener: str, types: tuple[EventType, ...]) -> Webhook:
    now = clock.now()
    return Webhook(
        app_id=app_id,
        id=listener,
        kind=EndpointKind.LISTENER,
        url="",
        secret_sealed=b"",
        secret_since=now,
        events=list(map(str, types)),
        created_at=now,
    )


def _follow(
    database: Database, app_id: str | None, types: tuple[EventType, ...], since: datetime, renew: Any
) -> Iterator[Event]:
    seen: dict[int, datetime] = {}
    renewed = time.monotonic()
    while True:
        try:
            if time.monotonic() - renewed > LEASE.total_seconds() / 4:
                renew(until=clock.now() + LEASE)
                renewed = time.monotonic()
            events = _since(database, app_id, types, since, list(seen))
        except Unavailable:
            events = []
        for event in events:
            seen[event.id] = event.created_at
            yield event
        if seen:
            since = max(since, max(seen.values()) - OVERLAP)
            seen = {event_id: at for event_id, at in seen.items() if at >= since}
        time.sleep(POLL)


def _since(
    database: Database, app_id: str | None, types: tuple[EventType, ...], since: datetime, seen: list[int]
) -> list[Event]:
    fresh = Event.id != func.all(literal(seen, ARRAY(BigInteger)))
    query = (
        select(Event).where(fresh).where(Event.created_at >= since, Event.told_at.is_not(None), Event.type.in_(types))
    )
    if app_id is not None:
        query = query.where(Event.app_id == app_id)
    with database.transaction() as session:
        return list(session.scalars(query.order_by(Event.told_at, Event.id).limit(1_000)))


def _print_line(event: Event) -> None:
    click.echo(line(event))


def line(event: Event) -> str:
    """Format an event as one line: time, app, type, conversation, user, text."""
    data = event.data
    user = data.get("recipient") or data.get("user") or data.get("sender") or {}
    texts = [message["text"] for message in [*data.get("messages", ()), *filter(None, [data.get("message")])]]
    text = printing.first_line(texts[-1]) if texts else ""
    more = f" (+{len(texts) - 1})" if len(texts) > 1 else ""
    parts = [printing.moment(event.created_at), event.app_id, f"{event.type:<22}", event.conversation_id or "-"]
    return "  ".join([*map(printing.plain, parts), printing.cell(user.get("id")), printing.cell(text or None) + more])


def _print_json(event: Event) -> None:
    printing.print_json_line(
        {
            "id": EVENT.show(event.id),
            "appId": event.app_id,
            "type": event.type,
            "createdAt": clock.millis(event.created_at),
            "conversationId": event.conversation_id,
            "sequence": event.seq,
            "data": event.data,
        }
    )
