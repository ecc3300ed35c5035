"""Lanes: the pending changes of many conversations taken under their locks, folded in order, written set-based."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from mailtalk.changes import participant_events, store
from mailtalk.changes.log import Ended
from mailtalk.changes.store import Place
from mailtalk.db.arrays import of_conversations
from mailtalk.db.database import is_temporary
from mailtalk.errors import ErrorCode
from mailtalk.ids import ConversationKey, ParticipantKey
from mailtalk.notifications import recipients
from mailtalk.participation.rules import UNSET, Request, Roster
from mailtalk.vocabulary import Access, ChangeKind, ChangeStatus, Frequency, Notify

LANES = 256  # conversations in one transaction
BATCH = 5_000  # changes in one transaction
ATTEMPTS = 5
RETRY = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Pending:
    """A change that waits, as the fold sees it."""

    id: int
    lane: ConversationKey
    user_id: str
    request: Request


class Poison(Exception):
    """Applying these changes raised what it should not; they must be tried alone."""

    def __init__(self, changes: Sequence[Pending]) -> None:
        super().__init__(f"{len(changes)} changes could not be applied")
        self.changes = changes


def apply(session: Session, now: datetime, only: Sequence[int] | None = None) -> list[Ended] | None:
    """Apply what is pending in the lanes that nobody else holds, in order; None when there is no such lane.

    Call again after the commit until it gives None, also when it gives nothing: another drainer was faster then,
    but a third one may have found the lane taken, by us, and gone home.
    Raises Poison with the changes in hand when something unforeseen happens; `only` then takes one alone.
    """
    lanes = _take(session, now, only)
    if not lanes:
        return None
    conversations = _lock(session, lanes)
    pending = _pending(session, lanes, only)
    try:
        return _apply(session, now, conversations, pending)
    except Exception as error:
        if is_temporary(error):
            raise
        raise Poison(pending) from error


def fail(session: Session, change_id: int, now: datetime) -> Ended | None:
    """Count a failed attempt alone; after the last one the change ends as failed, and its lane goes on."""
    row = session.execute(
        text("""
        UPDATE changes SET attempts = attempts + 1, not_before = :later,
            status = CASE WHEN attempts + 1 >= :most THEN 'failed' ELSE status END,
            error_code = CASE WHEN attempts + 1 >= :most THEN :code END
        WHERE id = :id AND status = 'pending' RETURNING status"""),
        {"id": change_id, "later": now + RETRY, "most": ATTEMPTS, "code": ErrorCode.INTERNAL},
    ).one_or_none()
    if row is None or row.status == ChangeStatus.PENDING:
        return None
    return Ended(change_id, ChangeStatus.FAILED, ErrorCode.INTERNAL)


def _take(session: Session, now: datetime, only: Sequence[int] | None) -> list[ConversationKey]:
    # The fence (OFFSET 0) keeps the lock function from running for lanes beyond the limit.
    rows = session.execute(
        text("""
        SELECT app_id, conversation_id FROM (
            SELECT app_id, conversation_id FROM changes
            WHERE status = 'pending' AND (CAST(:only AS bigint[]) IS NULL OR id = ANY(:only))
            GROUP BY app_id, conversation_id
            HAVING max(not_before) IS NULL OR max(not_before) <= :now OR CAST(:only AS bigint[]) IS NOT NULL
            ORDER BY min(id) LIMIT :lanes OFFSET 0) AS lanes
        WHERE pg_try_advisory_xact_lock(hashtextextended(app_id || chr(31) || conversation_id, 0))"""),
        {"only": only, "now": now, "lanes": LANES},
    )
    return [ConversationKey(row.app_id, row.conversation_id) for row in rows]


def _lock(session: Session, lanes: Sequence[ConversationKey]) -> dict[ConversationKey, Place]:
    session.execute(
        text("""
        SELECT 1 FROM conversations c JOIN unnest(CAST(:apps AS text[]), CAST(:ids AS text[])) AS lane (app_id, id)
            ON c.app_id = lane.app_id AND c.id = lane.id
        ORDER BY c.app_id, c.id FOR NO KEY UPDATE OF c"""),
        of_conversations(lanes),
    )
    # Statements after the lock see what was committed until now (READ COMMITTED).
    return store.places(session, lanes)


def _pending(session: Session, lanes: Sequence[ConversationKey], only: Sequence[int] | None) -> list[Pending]:
    rows = session.execute(
        text("""
        SELECT ch.id, ch.app_id, ch.conversation_id, ch.user_id, ch.kind, ch.access, ch.notify,
            ch.mute_given, ch.mute_until, ch.frequency
        FROM changes ch
        JOIN unnest(CAST(:apps AS text[]), CAST(:ids AS text[])) AS lane (app_id, id)
            ON ch.app_id = lane.app_id AND ch.conversation_id = lane.id
        WHERE ch.status = 'pending' AND (CAST(:only AS bigint[]) IS NULL OR ch.id = ANY(:only))
        ORDER BY ch.id LIMIT :batch"""),
        of_conversations(lanes) | {"only": only, "batch": BATCH},
    )
    return [
        Pending(row.id, ConversationKey(row.app_id, row.conversation_id), row.user_id, _request(row)) for row in rows
    ]


def _apply(
    session: Session, now: datetime, places: dict[ConversationKey, Place], pending: Sequence[Pending]
) -> list[Ended]:
    by_lane: dict[ConversationKey, list[Pending]] = {}
    for change in pending:
        by_lane.setdefault(change.lane, []).append(change)
    read = store.read(session, places, {lane: [(c.user_id, c.request) for c in by_lane[lane]] for lane in by_lane})
    outcomes: list[dict[str, Any]] = []
    for lane, changes in by_lane.items():
        errors = _errors(read, lane, changes)
        first = places[lane].applied_seq + 1 if lane in places else 1
        for seq, (change, error) in enumerate(zip(changes, errors, strict=True), first):
            status = ChangeStatus.REJECTED if error else ChangeStatus.APPLIED
            outcomes.append({"id": change.id, "lane": lane, "seq": seq, "status": status, "error": error})
    store.write(session, now, places, read)
    participant_events.tell(session, now, read)
    repaced = [ParticipantKey(lane, user_id) for lane, roster in read.items() for user_id in roster.repaced]
    if repaced:
        recipients.repace(session, now, repaced)
    _write_outcomes(session, now, outcomes)
    return [Ended(outcome["id"], outcome["status"], outcome["error"]) for outcome in outcomes]


def _errors(
    read: dict[ConversationKey, Roster], lane: ConversationKey, changes: Sequence[Pending]
) -> list[ErrorCode | None]:
    if lane not in read:  # deleted since the changes were accepted
        return [ErrorCode.CONVERSATION_NOT_FOUND] * len(changes)
    return read[lane].fold((change.user_id, change.request) for change in changes)


def _write_outcomes(session: Session, now: datetime, outcomes: Sequence[dict[str, Any]]) -> None:
    session.execute(
        text("""
        UPDATE changes ch SET status = o.status, error_code = o.error, applied_seq = o.seq, applied_at = :now
        FROM unnest(CAST(:apps AS text[]), CAST(:changes AS bigint[]), CAST(:statuses AS text[]),
                    CAST(:errors AS text[]), CAST(:seqs AS bigint[])) AS o (app_id, id, status, error, seq)
        WHERE ch.app_id = o.app_id AND ch.id = o.id"""),
        {
            "now": now,
            "apps": [outcome["lane"][0] for outcome in outcomes],
            "changes": [outcome["id"] for outcome in outcomes],
            "statuses": [outcome["status"] for outcome in outcomes],
            "errors": [outcome["error"] for outcome in outcomes],
            "seqs": [outcome["seq"] for outcome in outcomes],
        },
    )
    last = {outcome["lane"]: outcome["seq"] for outcome in outcomes}
    session.execute(
        text("""
        UPDATE conversations c SET applied_seq = l.seq
        FROM unnest(CAST(:apps AS text[]), CAST(:ids AS text[]), CAST(:seqs AS bigint[])) AS l (app_id, id, seq)
        WHERE c.app_id = l.app_id AND c.id = l.id"""),
        of_conversations(list(last)) | {"seqs": list(last.values())},
    )


def _request(row: Any) -> Request:
    return Request(
        ChangeKind(row.kind),
        Access(row.access) if row.access else None,
        Notify(row.notify) if row.notify else None,
        row.mute_until if row.mute_given else UNSET,
        Frequency(row.frequency) if row.frequency else None,
    )
