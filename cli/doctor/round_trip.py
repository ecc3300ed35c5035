"""Round trip: a mail that leaves by the relay, comes back to the bridge, and is recognised by a worker; timed.

A conversation of a temporary app has a participant whose email address is the inbound address of another one. The mail
about a message to the former thus comes back by the MX record; its outcome, a loop, shows that it was read.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import select

from cli import connect, datadir
from cli.doctor.finding import Finding, error, ok
from mailtalk import clock
from mailtalk.changes import apply
from mailtalk.changes import log as change_log
from mailtalk.changes.log import Requested
from mailtalk.conversations import apps, conversations, messages, users
from mailtalk.conversations.drafts import Draft
from mailtalk.db.database import Database
from mailtalk.ids import ConversationKey, ParticipantKey
from mailtalk.keys import Keyring
from mailtalk.mail.address import AddressScheme
from mailtalk.models import Delivery, InboundMail
from mailtalk.notifications.windows import Pace
from mailtalk.participation import addresses
from mailtalk.participation.rules import Request
from mailtalk.settings.load import Settings
from mailtalk.support import app_removal
from mailtalk.vocabulary import ChangeKind, MessageType, Origin, Outcome, Purpose, Stage

POLL = 0.2  # seconds
WRITER, READER, MAILBOX = "writer", "reader", "mailbox"


def check(settings: Settings, patience: float) -> Iterator[Finding]:
    """Send the mail, and wait for it for so many seconds."""
    keyring = datadir.keyring(settings)
    with connect.database(settings) as database, _temporary_app(database, keyring) as app_id:
        _post(database, keyring, settings, app_id)
        began = time.monotonic()
        while time.monotonic() < began + patience:
            if (outcome := _outcome(database, app_id)) is not None:
                yield ok("round trip", f"a mail was back after {time.monotonic() - began:.1f} s ({outcome})")
                return
            time.sleep(POLL)
        yield error(
            "round trip", _how_far(database, app_id, patience), "see what is said above of relay, MX and port 25"
        )


@contextmanager
def _temporary_app(database: Database, keyring: Keyring) -> Iterator[str]:
    with database.transaction() as session:
        app_id, _ = apps.create(session, keyring, "Round trip of mailtalk doctor", f"doctor-{time.time_ns():x}")
        apps.put(session, app_id, {"quiet_seconds": 0, "cap_seconds": 0})
    try:
        yield app_id
    finally:
        database.drain(lambda session: app_removal.delete_rows(session, app_id))
        with database.transaction() as session:
            app_removal.finish(session, app_id)


def _post(database: Database, keyring: Keyring, settings: Settings, app_id: str) -> None:
    key = ConversationKey(app_id, "round-trip")
    with database.transaction() as session:
        for name in (WRITER, READER, MAILBOX):
            users.put(session, app_id, name, {"name": name.title()})
        conversations.put(session, key, {"subject": "Round trip"})
        joins = [
            Requested(ParticipantKey(key, name), Request(ChangeKind.JOIN), clock.now())
            for name in (WRITER, READER, MAILBOX)
        ]
        change_log.accept(session, joins)
    database.drain(lambda session: len(apply.apply(session, clock.now()) or ()))
    with database.transaction() as session:
        mailbox = conversations.participant(session, ParticipantKey(key, MAILBOX))
        local = addresses.issue(session, keyring, mailbox, Purpose.REPLY)
        own = AddressScheme(settings.reply_domain, settings.own_mailbox).address(local)
        users.put(session, app_id, READER, {"emails": [own]})
        draft = Draft(MessageType.USER, "A test by mailtalk doctor.", Origin.REST, WRITER)
        messages.post(session, clock.now(), Pace.of(settings), conversations.lock(session, key), [draft])


def _outcome(database: Database, app_id: str) -> str | None:
    """Outcome of the mail that came back; None if none did yet."""
    query = select(InboundMail).where(InboundMail.app_id == app_id, InboundMail.outcome != Outcome.RECEIVED)
    with database.transaction() as session:
        row = session.scalar(query.limit(1))
    return None if row is None else f"{row.outcome}: {row.verdict}"


def _how_far(database: Database, app_id: str, patience: float) -> str:
    with database.transaction() as session:
        row = session.scalar(select(Delivery).where(Delivery.app_id == app_id).limit(1))
        waits = session.scalar(select(InboundMail.id).where(InboundMail.app_id == app_id).limit(1)) is not None
    where = f"no mail came back within {patience:.0f} s"
    if waits:
        return f"{where}: it arrived, and was not read yet; does a worker run?"
    if row is None:
        return f"{where}: it was not made; does a worker run?"
    sent = "the relay accepted it" if row.stage == Stage.SENT else f"it is {row.stage}"
    return f"{where}: {sent}{f' ({row.reply})' if row.reply else ''}"
