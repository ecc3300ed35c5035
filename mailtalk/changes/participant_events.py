"""Attendance: tells who came, who takes part in another way, and who left, when changes were applied."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailtalk import clock
from mailtalk.events import payloads, serializers
from mailtalk.events import record as events
from mailtalk.events.record import Happened
from mailtalk.ids import ConversationKey
from mailtalk.models import Conversation
from mailtalk.participation.rules import Roster, State, told
from mailtalk.vocabulary import EventType

KINDS = (EventType.PARTICIPANT_JOINED, EventType.PARTICIPANT_UPDATED, EventType.PARTICIPANT_LEFT)
Told = tuple[str, str, EventType, State]  # conversation, user, what happened, and how the user takes part now


def tell(session: Session, now: datetime, rosters: Mapping[ConversationKey, Roster]) -> None:
    """Write an event for each whose part in a conversation is another one than before."""
    by_app: dict[str, list[Told]] = {}
    for (app_id, conversation_id), roster in rosters.items():
        by_app.setdefault(app_id, []).extend((conversation_id, *each) for each in _changed(roster))
    for app_id, changed in by_app.items():
        if changed and events.wanted(session, app_id, *KINDS):
            events.record_many(session, list(_happened(session, app_id, changed, now)), now)


def _changed(roster: Roster) -> Iterable[tuple[str, EventType, State]]:
    for user_id in roster.touched:
        kind = told(roster.before[user_id], roster.states[user_id])
        if kind is not None:
            yield user_id, kind, roster.states[user_id]


def _happened(session: Session, app_id: str, changed: Sequence[Told], now: datetime) -> Iterable[Happened]:
    asked = {conversation_id for conversation_id, *_ in changed}
    rows = session.scalars(select(Conversation).where(Conversation.app_id == app_id, Conversation.id.in_(asked)))
    places = {row.id: serializers.conversation(row) for row in rows}
    users = payloads.users(session, app_id, [user_id for _, user_id, *_ in changed])
    for conversation_id, user_id, kind, state in changed:
        data = {"conversation": places[conversation_id], "user": users[user_id], "participant": _part(state, now)}
        yield Happened(app_id, kind, data, conversation_id)


def _part(state: State, now: datetime) -> dict[str, object]:
    muted = state.mute_until is not None and state.mute_until > now
    return {
        "access": state.access,
        "notify": serializers.notify(state.notify),
        "frequency": state.frequency,
        "muteUntil": clock.iso(state.mute_until) if muted and state.mute_until else None,
    }
