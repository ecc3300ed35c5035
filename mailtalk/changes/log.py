"""The log of participation changes: accepted as rows; lanes.py applies them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from mailtalk.db.arrays import of_participants
from mailtalk.errors import ErrorCode, Invalid, NotFound
from mailtalk.ids import ConversationKey, ParticipantKey
from mailtalk.models import Change
from mailtalk.participation.rules import LEAVING, UNSET, Request
from mailtalk.vocabulary import ChangeStatus


@dataclass(frozen=True, slots=True)
class Requested:
    """A change as a way in hands it over."""

    participant: ParticipantKey
    request: Request
    at: datetime


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a change; the error code is None when it was applied."""

    id: int
    status: ChangeStatus
    error_code: ErrorCode | None


def accept(session: Session, items: Sequence[Requested]) -> list[int | NotFound]:
    """Store changes as pending; gives each one's id, or NotFound for an unknown conversation or user."""
    refusals = [_refusal(item, *known) for item, known in zip(items, _known(session, items), strict=True)]
    good = [item for item, refusal in zip(items, refusals, strict=True) if refusal is None]
    ids = iter(_insert(session, good))
    return [refusal or next(ids) for refusal in refusals]


def accept_each(session: Session, arrivals: Sequence[Sequence[Requested]]) -> list[list[int | NotFound]]:
    """Accept arrivals of several changes each; within one, a user's changes apply in the order given."""
    accepted = iter(accept(session, [item for arrival in arrivals for item in arrival]))
    return [[next(accepted) for _ in arrival] for arrival in arrivals]


def waits(session: Session, now: datetime) -> bool:
    """Whether any change is to be applied now."""
    found = text(
        "SELECT 1 FROM changes WHERE status = 'pending' AND (not_before IS NULL OR not_before <= :now) LIMIT 1"
    )
    return session.scalar(found, {"now": now}) is not None


def get(session: Session, app_id: str, change_id: int) -> Change | None:
    """One change of this app."""
    return session.get(Change, (app_id, change_id))


def log(
    session: Session,
    key: ConversationKey,
    *,
    user_id: str | None = None,
    before: int | None = None,
    limit: int = 10,
) -> list[Change]:
    """A conversation's changes, newest first: a user's only, those before an id; Invalid when it has no such id."""
    query = select(Change).filter_by(app_id=key.app_id, conversation_id=key.id)
    if user_id is not None:
        query = query.where(Change.user_id == user_id)
    if before is not None:
        last = get(session, key.app_id, before)
        if last is None or last.conversation_id != key.id:
            raise Invalid({"startingAfter": ["is no change of this conversation"]})
        query = query.where(Change.id < before)
    return list(session.scalars(query.order_by(Change.id.desc()).limit(limit)))


def ended(session: Session, asked: Sequence[tuple[str, int]]) -> list[Ended]:
    """Those of these changes, by app and id, that are no longer pending."""
    rows = session.execute(
        text("""
        SELECT ch.id, ch.status, ch.error_code FROM changes ch
        JOIN unnest(CAST(:apps AS text[]), CAST(:ids AS bigint[])) AS asked (app_id, id)
            ON ch.app_id = asked.app_id AND ch.id = asked.id
        WHERE ch.status <> 'pending'"""),
        {"apps": [app_id for app_id, _ in asked], "ids": [change_id for _, change_id in asked]},
    )
    return [
        Ended(row.id, ChangeStatus(row.status), ErrorCode(row.error_code) if row.error_code else None) for row in rows
    ]


def _known(session: Session, items: Sequence[Requested]) -> Iterable[tuple[bool, bool]]:
    rows = session.execute(
        text("""
        SELECT c.id IS NOT NULL, u.id IS NOT NULL
        FROM unnest(CAST(:apps AS text[]), CAST(:ids AS text[]), CAST(:users AS text[]))
             WITH ORDINALITY AS asked (app_id, conversation_id, user_id, i)
        LEFT JOIN conversations c ON c.app_id = asked.app_id AND c.id = asked.conversation_id
        LEFT JOIN users u ON u.app_id = asked.app_id AND u.id = asked.user_id
        ORDER BY i"""),
        of_participants(item.participant for item in items),
    )
    return ((row[0], row[1]) for row in rows)


def _refusal(item: Requested, conversation: bool, user: bool) -> NotFound | None:
    key, user_id = item.participant
    if not conversation:
        return NotFound({"conversationId": [f"no conversation {key.id!r}"]}, ErrorCode.CONVERSATION_NOT_FOUND)
    if not user and item.request.kind not in LEAVING:
        return NotFound({"userId": [f"no user {user_id!r}"]}, ErrorCode.USER_NOT_FOUND)
    return None


def _insert(session: Session, items: Sequence[Requested]) -> list[int]:
    if not items:
        return []
    rows = session.execute(
        text("""
        INSERT INTO changes
            (app_id, conversation_id, user_id, kind, access, notify, mute_given, mute_until, frequency,
             requested_at)
        SELECT app_id, conversation_id, user_id, kind, access, notify, mute_given, mute_until, frequency, at
        FROM unnest(CAST(:apps AS text[]), CAST(:ids AS text[]), CAST(:users AS text[]),
                    CAST(:kinds AS text[]), CAST(:accesses AS text[]), CAST(:notifies AS text[]),
                    CAST(:mutes_given AS boolean[]), CAST(:mutes AS timestamptz[]), CAST(:frequencies AS text[]),
                    CAST(:ats AS timestamptz[]))
             WITH ORDINALITY AS asked
             (app_id, conversation_id, user_id, kind, access, notify, mute_given, mute_until, frequency, at, i)
        ORDER BY i RETURNING id"""),
        of_participants(item.participant for item in items)
        | {
            "kinds": [item.request.kind for item in items],
            "accesses": [item.request.access for item in items],
            "notifies": [item.request.notify for item in items],
            "mutes_given": [item.request.mute_until is not UNSET for item in items],
            "mutes": [None if item.request.mute_until is UNSET else item.request.mute_until for item in items],
            "frequencies": [item.request.frequency for item in items],
            "ats": [item.at for item in items],
        },
    )
    return sorted(rows.scalars())  # the identity counts up in the order of the items
