"""Participations of locked conversations: read before their changes are folded, written afterwards, set-based."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from mailtalk.db import sql
from mailtalk.db.arrays import of_conversations, of_participants
from mailtalk.ids import ConversationKey, ParticipantKey
from mailtalk.participation.notify import TAKES_PART
from mailtalk.participation.rules import Fold, Folded, Request, State, may_freeze
from mailtalk.participation.state import state

Requests = Mapping[ConversationKey, Sequence[tuple[str, Request]]]  # (user id, request) in order

_LOCK = sql.load(__file__, "lock_conversations", takes_part=TAKES_PART)
_USERS = sql.load(__file__, "read_users")
_PARTICIPANTS = sql.load(__file__, "read_participants", takes_part=TAKES_PART)
_WRITE = sql.load(__file__, "write_participations")
_KEPT = sql.statement("""
    -- columns of the conversation in a frozen view, under their wire names
    SELECT c.app_id, c.id, jsonb_build_object('subject', c.subject, 'photoUrl', c.photo_url,
        'welcomeMessages', c.welcome_messages, 'custom', c.custom) AS kept
    FROM conversations c JOIN unnest(CAST(:apps AS text[]), CAST(:ids AS text[])) AS key (app_id, id)
        ON c.app_id = key.app_id AND c.id = key.id""")


@dataclass(frozen=True, slots=True)
class LockedConversation:
    """Conversation whose row is locked."""

    applied_seq: int
    last_seq: int
    limit: int | None
    active: int  # participants; counted only if there is a limit


def lock(session: Session, keys: Sequence[ConversationKey]) -> dict[ConversationKey, LockedConversation]:
    """Lock these conversations; deleted ones are missing."""
    rows = session.execute(_LOCK, of_conversations(keys))
    return {ConversationKey(row[0], row[1]): LockedConversation(*row[2:]) for row in rows}


def read(
    session: Session, conversations: Mapping[ConversationKey, LockedConversation], requests: Requests
) -> dict[ConversationKey, Fold]:
    """Fold of each conversation, with the users of its changes, or with all participants if a view may be frozen."""
    known: dict[ConversationKey, set[str]] = {key: set() for key in conversations}
    states: dict[ConversationKey, dict[str, State]] = {key: {} for key in conversations}
    participants = {ParticipantKey(key, user_id) for key in conversations for user_id, _ in requests.get(key, ())}
    for row in session.execute(_USERS, of_participants(participants)):
        known[ConversationKey(row.app_id, row.conversation_id)].add(row.user_id)
        if row.present is not None:
            states[ConversationKey(row.app_id, row.conversation_id)][row.user_id] = state(row)
    freezing = [key for key in conversations if any(may_freeze(request) for _, request in requests.get(key, ()))]
    for row in session.execute(_PARTICIPANTS, of_conversations(freezing)) if freezing else ():
        states[ConversationKey(row.app_id, row.conversation_id)].setdefault(row.user_id, state(row))
    return {key: Fold(states[key], row.active, row.limit, known[key]) for key, row in conversations.items()}


def write(
    session: Session,
    now: datetime,
    conversations: Mapping[ConversationKey, LockedConversation],
    folds: Mapping[ConversationKey, Fold],
) -> None:
    """Write the changed participations and frozen views, in a fixed order of their row locks."""
    changed = sorted(
        (ParticipantKey(key, user_id), user) for key, fold in folds.items() for user_id, user in fold.users.items()
    )
    if changed:
        kept = _kept(session, {key.conversation for key, user in changed if user.view is not None})
        seqs = [None if user.view is None else conversations[key.conversation].last_seq for key, user in changed]
        views = [None if user.view is None else _view(kept[key.conversation], user.view) for key, user in changed]
        values = of_participants(key for key, _ in changed) | _states([user for _, user in changed])
        session.execute(_WRITE, values | {"now": now, "seqs": seqs, "views": views})


def _kept(session: Session, keys: Collection[ConversationKey]) -> dict[ConversationKey, dict[str, Any]]:
    if not keys:
        return {}
    rows = session.execute(_KEPT, of_conversations(keys))
    return {ConversationKey(row.app_id, row.id): row.kept for row in rows}


def _view(kept: Mapping[str, Any], participants: Mapping[str, State]) -> str:
    members = {user_id: {"access": state.access, "notify": state.notify} for user_id, state in participants.items()}
    return json.dumps({**kept, "participants": members})


def _states(users: Sequence[Folded]) -> dict[str, list[Any]]:
    states = [user.state for user in users]
    return {
        "presents": [state.present for state in states],
        "accesses": [state.access for state in states],
        "notifies": [state.notify for state in states],
        "generations": [state.generation for state in states],
        "mutes": [state.mute_until for state in states],
        "frequencies": [state.frequency for state in states],
        "chosen": [",".join(sorted(state.chosen)) for state in states],
        "sees": [state.sees for state in states],
        "joined": [user.joined for user in users],
    }
