"""`mailtalk notifications tail`: events as they happen."""

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
from mailtalk import clock
from mailtalk.conversations import apps
from mailtalk.db.database import Database
from mailtalk.errors import Unavailable
from mailtalk.ids import EVENT
from mailtalk.models import App, Event, Webhook
from mailtalk.settings.load import Settings
from mailtalk.vocabulary import EndpointKind, EventType

GLANCE = 0.5  # seconds
LEASE = timedelta(seconds=60)  # after which nobody keeps events for a listener that was killed
OVERLAP = timedelta(seconds=10)  # an event may be told a little after a younger one
SHOWN = tuple(kind for kind in EventType if kind.startswith(("notification.", "email.")))


def tail(settings: Settings, app_id: str | None, since: datetime | None, *, everything: bool, as_json: bool) -> None:
    """Print what happened since then, and what happens, until Ctrl-C."""
    for each in (signal.SIGINT, signal.SIGTERM):  # a shell has those ignored whom it starts in the background
        signal.signal(each, signal.default_int_handler)
    kinds, begin = tuple(EventType) if everything else SHOWN, since or clock.now()
    with connect.database(settings) as database, _listening(database, app_id, kinds) as renew:
        for event in _following(database, app_id, kinds, begin, renew):
            _print(event, as_json=as_json)


def line(event: Event) -> str:
    """An event as one line: when, what, and about whom."""
    data = event.data
    user = data.get("recipient") or data.get("user") or data.get("sender") or {}
    texts = [message["text"] for message in [*data.get("messages", ()), *filter(None, [data.get("message")])]]
    said = printing.first_line(texts[-1]) if texts else ""
    more = f" (+{len(texts) - 1})" if len(texts) > 1 else ""
    parts = [printing.moment(event.created_at), event.app_id, f"{event.type:<22}", event.conversation_id or "-"]
    return "  ".join([*map(printing.plain, parts), printing.cell(user.get("id")), printing.cell(said or None) + more])


@contextmanager
def _listening(database: Database, app_id: str | None, kinds: tuple[EventType, ...]) -> Iterator[Any]:
    """Have events kept that no webhook wants, while somebody listens."""
    listener = f"listener:{socket.gethostname()}/{os.getpid()}"

    def renew(*, until: datetime) -> None:
        with database.transaction() as session:
            if app_id is not None:
                apps.found(session, app_id)
            for each in [app_id] if app_id is not None else list(session.scalars(select(App.id))):
                row = session.get(Webhook, (each, listener)) or _listener(each, listener, kinds)
                row.until = until
                session.add(row)

    renew(until=clock.now() + LEASE)
    try:
        yield renew
    finally:
        with database.transaction() as session:
            for row in session.scalars(select(Webhook).where(Webhook.id == listener)):
                session.delete(row)


def _listener(app_id: str, listener: str, kinds: tuple[EventType, ...]) -> Webhook:
    now = clock.now()
    return Webhook(
        app_id=app_id,
        id=listener,
        kind=EndpointKind.LISTENER,
        url="",
        secret_sealed=b"",
        secret_since=now,
        events=[str(kind) for kind in kinds],
        created_at=now,
    )


def _following(
    database: Database, app_id: str | None, kinds: tuple[EventType, ...], since: datetime, renew: Any
) -> Iterator[Event]:
    seen: dict[int, datetime] = {}
    renewed = time.monotonic()
    while True:
        try:
            if time.monotonic() - renewed > LEASE.total_seconds() / 4:
                renew(until=clock.now() + LEASE)
                renewed = time.monotonic()
            found = _since(database, app_id, kinds, since, list(seen))
        except Unavailable:
            found = []
        for event in found:
            seen[event.id] = event.created_at
            yield event
        if seen:
            since = max(since, max(seen.values()) - OVERLAP)
            seen = {each: at for each, at in seen.items() if at >= since}
        time.sleep(GLANCE)


def _since(
    database: Database, app_id: str | None, kinds: tuple[EventType, ...], since: datetime, seen: list[int]
) -> list[Event]:
    fresh = Event.id != func.all(literal(seen, ARRAY(BigInteger)))
    query = (
        select(Event).where(fresh).where(Event.created_at >= since, Event.told_at.is_not(None), Event.type.in_(kinds))
    )
    if app_id is not None:
        query = query.where(Event.app_id == app_id)
    with database.transaction() as session:
        return list(session.scalars(query.order_by(Event.told_at, Event.id).limit(1_000)))


def _print(event: Event, *, as_json: bool) -> None:
    if not as_json:
        click.echo(line(event))
        return
    printing.as_line(
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
