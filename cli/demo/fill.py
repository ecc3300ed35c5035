"""Rows of the demo: apps, users, conversations, participants, old messages and new ones; workers do the rest."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from cli.demo.world import DemoApp, DemoConversation
from mailtalk.changes import log as change_log
from mailtalk.changes.log import Requested
from mailtalk.conversations import apps, conversations, history, messages, users
from mailtalk.conversations.drafts import Draft
from mailtalk.conversations.history import Old
from mailtalk.errors import NotFound
from mailtalk.ids import ConversationKey, ParticipantKey
from mailtalk.keys import Keyring
from mailtalk.notifications.windows import Pace
from mailtalk.participation.rules import Request
from mailtalk.vocabulary import Actor, ChangeKind, Frequency, MessageType, Origin

QUIET = 1.0  # seconds


def create(session: Session, keyring: Keyring, now: datetime, app: DemoApp) -> list[int]:
    """Create an app with everything but its new messages; returns the ids of its joins, which a worker applies."""
    apps.create(session, keyring, app.name, app.id)
    apps.put(session, app.id, {"quiet_seconds": QUIET, "sender_policy": app.senders})
    apps.put_style(session, app.id, {"colour": app.colour})
    users.put_many(
        session, app.id, {user.id: _fields(user.name, user.email, user.locale, user.zone) for user in app.users}
    )
    for conversation in app.conversations:
        conversations.put(session, ConversationKey(app.id, conversation.id), {"subject": conversation.subject})
    session.flush()
    accepted = change_log.accept(session, [join for each in app.conversations for join in _joins(app, each, now)])
    return [change_id for change_id in accepted if not isinstance(change_id, NotFound)]


def write(session: Session, now: datetime, app: DemoApp, conversation: DemoConversation) -> None:
    """Import a conversation's old messages, and post its new ones, which will be mailed."""
    row = conversations.lock(session, ConversationKey(app.id, conversation.id))
    old = [
        Old(Draft(MessageType.USER, text, Origin.IMPORT, sender), now - timedelta(hours=hours), [])
        for sender, hours, text in conversation.history
    ]
    history.add(session, row, old)
    drafts = [Draft(MessageType.USER, text, Origin.REST, sender) for sender, text in conversation.fresh]
    messages.post(session, now, Pace(timedelta(seconds=QUIET), timedelta(minutes=1)), row, drafts)


def _fields(name: str, email: str, locale: str, zone: str | None) -> dict[str, object]:
    return {"name": name, "emails": [email], "locale": locale, "time_zone": zone}


def _joins(app: DemoApp, conversation: DemoConversation, now: datetime) -> Sequence[Requested]:
    frequency = {user.id: Frequency(user.frequency) for user in app.users if user.frequency}
    return [
        Requested(
            ParticipantKey.of(app.id, conversation.id, user_id),
            Request(ChangeKind.JOIN, frequency=frequency.get(user_id), by=Actor.BACKEND),
            now,
        )
        for user_id in conversation.participants
    ]


def are_applied(session: Session, app_id: str, change_ids: Sequence[int]) -> bool:
    """True once a worker has applied all changes."""
    ended = change_log.ended(session, [(app_id, change_id) for change_id in change_ids])
    return len(ended) == len(change_ids)
