"""Change log: requested changes of participation as rows, accepted here, applied by `apply`, listed and awaited."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailtalk.db import origins, sql
from mailtalk.db.arrays import of_participants
from mailtalk.db.origins import Origin
from mailtalk.errors import ErrorCode, Invalid, NotFound
from mailtalk.ids import CHANGE, ConversationKey, ParticipantKey
from mailtalk.models import Change
from mailtalk.participation.rules import LEAVING, UNSET, Request
from mailtalk.vocabulary import ChangeStatus

_INSERT = sql.load(__file__, "insert_changes")
_KNOWN = sql.statement("""
    -- for each given participant, in order: do the conversation and the user exist?
    SELECT c.id IS NOT NULL, u.id IS NOT NULL
    FROM unnest(CAST(:apps AS text[]), CAST(:ids AS text[]), CAST(:users AS text[]))
        WITH ORDINALITY AS key (app_id, conversation_id, user_id, i)
    LEFT JOIN conversations c ON c.app_id = key.app_id AND c.id = key.conversation_id
    LEFT JOIN users u ON u.app_id = key.app_id AND u.id = key.user_id
    ORDER BY i""")
_WAITS = sql.statement("""
    SELECT 1 FROM changes
    WHERE status = $ChangeStatus.PENDING AND (not_before IS NULL OR not_before <= :now) LIMIT 1""")
_ENDED = sql.statement("""
    SELECT ch.id, ch.status, ch.error_code, ch.app_id FROM changes ch
    JOIN unnest(CAST(:apps AS text[]), CAST(:changes AS bigint[])) AS key (app_id, id)
        ON ch.app_id = key.app_id AND ch.id = key.id
    WHERE ch.status <> $ChangeStatus.PENDING""")

PURGED = 5_000  # in one transaction
_PURGE = sql.statement("""
    DELETE FROM changes WHERE (app_id, id) IN (
        SELECT app_id, id FROM changes WHERE requested_at < :before AND status <> $ChangeStatus.PENDING
        ORDER BY requested_at LIMIT :most FOR UPDATE SKIP LOCKED)
    RETURNING 1""")


@dataclass(frozen=True, slots=True)
class Requested:
    """Requested change: participant, request, and time."""

    participant: ParticipantKey
    request: Request
    at: datetime
    origin: Origin | None = field(default_factory=origins.current.get, compare=False)


@dataclass(frozen=True, slots=True)
class Ended:
    """Outcome of a change; the error code is None if it was applied, the app empty if the change was given up."""

    id: int
    status: ChangeStatus
    error_code: ErrorCode | None
    app_id: str = ""


def accept(session: Session, items: Sequence[Requested]) -> list[int | NotFound]:
    """Store changes as pending; returns the id of each, or NotFound for an unknown conversation or user.

    Changes of one participant are applied in the order given.
    """
    known = session.execute(_KNOWN, of_participants(item.participant for item in items))
    refusals = [_refusal(item, *row) for item, row in zip(items, known, strict=True)]
    good = [item for item, refusal in zip(items, refusals, strict=True) if refusal is None]
    ids = iter(_insert(session, good))
    return [refusal or next(ids) for refusal in refusals]


def waits(session: Session, now: datetime) -> bool:
    """True if a change can be applied now."""
    return session.scalar(_WAITS, {"now": now}) is not None


def get(session: Session, app_id: str, change_id: int) -> Change | None:
    """Change by id; NotFound if the app has none."""
    return session.get(Change, (app_id, change_id))


def log(
    session: Session, key: ConversationKey, *, user_id: str | None = None, before: int | None = None, limit: int = 10
) -> list[Change]:
    """Changes of a conversation or one user in it, newest first, before an id; Invalid for an id from elsewhere."""
    query = select(Change).filter_by(app_id=key.app_id, conversation_id=key.id)
    if user_id is not None:
        query = query.where(Change.user_id == user_id)
    if before is not None:
        last = get(session, key.app_id, before)
        if last is None or last.conversation_id != key.id:
            raise Invalid({"startingAfter": ["is no change of this conversation"]})
        query = query.where(Change.id < before)
    return list(session.scalars(query.order_by(Change.id.desc()).limit(limit)))


def ended(session: Session, changes: Sequence[tuple[str, int]]) -> list[Ended]:
    """Outcomes of these changes, given as (app, id); pending ones are missing."""
    apps, ids = [app_id for app_id, _ in changes], [change_id for _, change_id in changes]
    rows = session.execute(_ENDED, {"apps": apps, "changes": ids})
    return [
        Ended(row.id, ChangeStatus(row.status), ErrorCode(row.error_code) if row.error_code else None, row.app_id)
        for row in rows
    ]


def purge(session: Session, now: datetime, days: float) -> int:
    """Delete a batch of changes that are applied or refused, and this many days old; returns the number."""
    return len(session.execute(_PURGE, {"before": now - timedelta(days=days), "most": PURGED}).all())


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
    requests = [item.request for item in items]
    mutes = [request.mute_until for request in requests]
    values = {
        "kinds": [request.kind for request in requests],
        "accesses": [request.access for request in requests],
        "notifies": [request.notify for request in requests],
        "mutes_given": [mute is not UNSET for mute in mutes],
        "mutes": [None if mute is UNSET else mute for mute in mutes],
        "frequencies": [request.frequency for request in requests],
        "requesters": [request.by for request in requests],
        "ats": [item.at for item in items],
    }
    rows = session.execute(_INSERT, of_participants(item.participant for item in items) | values)
    ids = sorted(rows.scalars())  # the identity counts up in the order of the items
    origins.keep(
        session,
        items[0].at,
        [
            ((item.participant.app_id, CHANGE.show(change_id)), item.origin)
            for item, change_id in zip(items, ids, strict=True)
            if item.origin
        ],
    )
    return ids
