"""Events of applied changes: participant.joined, participant.updated and participant.left, with their requester."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailtalk.db import arrays
from mailtalk.events import payloads, serializers
from mailtalk.events import record as events
from mailtalk.events.record import Happened
from mailtalk.ids import ConversationKey
from mailtalk.models import Conversation
from mailtalk.participation.rules import Fold, Folded, event_of
from mailtalk.vocabulary import EventType

KINDS = (EventType.PARTICIPANT_JOINED, EventType.PARTICIPANT_UPDATED, EventType.PARTICIPANT_LEFT)


class _Event(NamedTuple):
    """Event of one user in one conversation."""

    conversation: ConversationKey
    user_id: str
    kind: EventType
    folded: Folded


def record(session: Session, now: datetime, folds: Mapping[ConversationKey, Fold]) -> None:
    """Record an event for each participation that visibly changed, for apps with an endpoint for it."""
    found = list(_events(folds))
    wanting = events.wanting(session, {event.conversation.app_id for event in found}, *KINDS) if found else set()
    wanted = [event for event in found if event.conversation.app_id in wanting]
    if wanted:
        events.record_many(session, list(_happened(session, wanted, now)), now)


def _events(folds: Mapping[ConversationKey, Fold]) -> Iterable[_Event]:
    for key, fold in folds.items():
        for user_id, folded in fold.users.items():
            kind = event_of(folded.before, folded.state)
            if kind is not None:
                yield _Event(key, user_id, kind, folded)


def _happened(session: Session, found: Sequence[_Event], now: datetime) -> Iterable[Happened]:
    keys = arrays.table({event.conversation for event in found})
    rows = session.scalars(
        select(Conversation).join(keys, (Conversation.app_id == keys.c.app_id) & (Conversation.id == keys.c.id))
    )
    conversations = payloads.conversations(session, rows.all())
    users = payloads.users(session, {(event.conversation.app_id, event.user_id) for event in found})
    for key, user_id, kind, folded in found:
        data = {
            "conversation": conversations[key],
            "user": users[key.app_id, user_id],
            "participant": serializers.participant(folded.state, now),
            "by": folded.by,
        }
        yield Happened(key.app_id, kind, data, key.id)
