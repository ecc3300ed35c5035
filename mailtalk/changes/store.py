"""Rosters: the participations of locked conversations, read before their changes are folded and written after."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from mailtalk.db.arrays import of_conversations, of_participants
from mailtalk.ids import ConversationKey, ParticipantKey
from mailtalk.participation.rules import Request, Roster, State, may_freeze
from mailtalk.participation.state import state

Asked = Mapping[ConversationKey, Sequence[tuple[str, Request]]]


@dataclass(frozen=True, slots=True)
class Place:
    """A locked conversation, with what a frozen view keeps of it."""

    applied_seq: int
    last_seq: int
    limit: int | None
    active: int
    kept: dict[str, Any]  # subject, photo, welcome messages and custom data, under their names on the wire


def places(session: Session, lanes: Sequence[ConversationKey]) -> dict[ConversationKey, Place]:
    """The conversations of these lanes; deleted ones are missing."""
    rows = session.execute(
        text("""
        SELECT c.app_id, c.id, c.applied_seq, c.last_seq, a.participant_limit,
            CASE WHEN a.participant_limit IS NULL THEN 0 ELSE (
                SELECT count(*) FROM participations p WHERE p.app_id = c.app_id AND p.conversation_id = c.id
                    AND p.present AND p.access <> 'None') END AS active,
            jsonb_build_object('subject', c.subject, 'photoUrl', c.photo_url, 'welcomeMessages', c.welcome_messages,
                'custom', c.custom) AS kept
        FROM conversations c JOIN unnest(CAST(:apps AS text[]), CAST(:ids AS text[])) AS lane (app_id, id)
            ON c.app_id = lane.app_id AND c.id = lane.id
        JOIN apps a ON a.id = c.app_id"""),
        of_conversations(lanes),
    )
    return {ConversationKey(row[0], row[1]): Place(*row[2:]) for row in rows}


def read(session: Session, found: Mapping[ConversationKey, Place], asked: Asked) -> dict[ConversationKey, Roster]:
    """A roster for each conversation: those whom the changes are about, or everybody when a view may be frozen."""
    known: dict[ConversationKey, set[str]] = {lane: set() for lane in found}
    states: dict[ConversationKey, dict[str, State]] = {lane: {} for lane in found}
    for row in _about(session, [ParticipantKey(lane, user_id) for lane in found for user_id, _ in asked.get(lane, ())]):
        known[ConversationKey(row.app_id, row.conversation_id)].add(row.user_id)
        if row.present is not None:
            states[ConversationKey(row.app_id, row.conversation_id)][row.user_id] = state(row)
    freezing = [lane for lane in found if any(may_freeze(request) for _, request in asked.get(lane, ()))]
    for row in _everybody(session, freezing) if freezing else ():
        states[ConversationKey(row.app_id, row.conversation_id)].setdefault(row.user_id, state(row))
    return {lane: Roster(states[lane], place.active, place.limit, known[lane]) for lane, place in found.items()}


def write(
    session: Session, now: datetime, found: Mapping[ConversationKey, Place], rosters: Mapping[ConversationKey, Roster]
) -> None:
    """Write the participations that changed, and the views that were frozen."""
    touched = [ParticipantKey(lane, user_id) for lane, roster in rosters.items() for user_id in roster.touched]
    if not touched:
        return
    touched.sort()  # one order for row locks
    states = [rosters[lane].states[user_id] for lane, user_id in touched]
    session.execute(
        text("""
        INSERT INTO participations AS p (app_id, conversation_id, user_id, present, access, notify, generation,
            mute_until, frequency, sees, view_seq, view, joined_at)
        SELECT app_id, conversation_id, user_id, present, access, notify, generation, mute_until, frequency, sees,
            view_seq, CAST(view AS jsonb), CASE WHEN joined THEN :now ELSE CAST('-infinity' AS timestamptz) END
        FROM unnest(CAST(:apps AS text[]), CAST(:ids AS text[]), CAST(:users AS text[]), CAST(:presents AS boolean[]),
                CAST(:accesses AS text[]), CAST(:notifies AS text[]), CAST(:generations AS bigint[]),
                CAST(:mutes AS timestamptz[]), CAST(:frequencies AS text[]), CAST(:sees AS text[]),
                CAST(:seqs AS bigint[]), CAST(:views AS text[]), CAST(:joined AS boolean[]))
            AS made (app_id, conversation_id, user_id, present, access, notify, generation, mute_until, frequency,
                sees, view_seq, view, joined)
        ON CONFLICT (app_id, conversation_id, user_id) DO UPDATE SET
            present = excluded.present, access = excluded.access, notify = excluded.notify,
            generation = excluded.generation, mute_until = excluded.mute_until, frequency = excluded.frequency,
            sees = excluded.sees,
            view_seq = CASE WHEN excluded.sees = 'frozen' THEN coalesce(excluded.view_seq, p.view_seq) END,
            view = CASE WHEN excluded.sees = 'frozen' THEN coalesce(excluded.view, p.view) END,
            joined_at = greatest(p.joined_at, excluded.joined_at)"""),
        of_participants(touched)
        | {"now": now}
        | {"joined": [user_id in rosters[lane].joined for lane, user_id in touched]}
        | _state_columns(states)
        | _view_columns(found, rosters, touched),
    )


def _about(session: Session, asked: Sequence[ParticipantKey]) -> Sequence[Any]:
    return session.execute(
        text("""
        SELECT DISTINCT u.app_id, asked.conversation_id, u.id AS user_id,
            p.present, p.access, p.notify, p.generation, p.mute_until, p.sees, p.frequency
        FROM unnest(CAST(:apps AS text[]), CAST(:ids AS text[]), CAST(:users AS text[]))
            AS asked (app_id, conversation_id, user_id)
        JOIN users u ON u.app_id = asked.app_id AND u.id = asked.user_id
        LEFT JOIN participations p ON p.app_id = u.app_id AND p.conversation_id = asked.conversation_id
            AND p.user_id = u.id"""),
        of_participants(asked),
    ).all()


def _everybody(session: Session, lanes: Sequence[ConversationKey]) -> Sequence[Any]:
    return session.execute(
        text("""
        SELECT p.app_id, p.conversation_id, p.user_id, p.present, p.access, p.notify, p.generation, p.mute_until,
            p.sees, p.frequency
        FROM participations p JOIN unnest(CAST(:apps AS text[]), CAST(:ids AS text[])) AS lane (app_id, id)
            ON p.app_id = lane.app_id AND p.conversation_id = lane.id
        WHERE p.present AND p.access <> 'None'"""),
        of_conversations(lanes),
    ).all()


def _state_columns(states: Sequence[State]) -> dict[str, list[Any]]:
    return {
        "presents": [state.present for state in states],
        "accesses": [state.access for state in states],
        "notifies": [state.notify for state in states],
        "generations": [state.generation for state in states],
        "mutes": [state.mute_until for state in states],
        "frequencies": [state.frequency for state in states],
        "sees": [state.sees for state in states],
    }


def _view_columns(
    found: Mapping[ConversationKey, Place], rosters: Mapping[ConversationKey, Roster], touched: Sequence[ParticipantKey]
) -> dict[str, list[Any]]:
    frozen = [(found[lane], rosters[lane].views.get(user_id)) for lane, user_id in touched]
    return {
        "seqs": [None if view is None else place.last_seq for place, view in frozen],
        "views": [None if view is None else _view(place, view) for place, view in frozen],
    }


def _view(place: Place, participants: Mapping[str, State]) -> str:
    shown = {user_id: {"access": state.access, "notify": state.notify} for user_id, state in participants.items()}
    return json.dumps(place.kept | {"participants": shown})
