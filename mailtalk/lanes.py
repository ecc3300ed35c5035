"""Lanes: the pending changes of many conversations taken under their locks, folded in order, written set-based."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from mailtalk.changes import Ended
from mailtalk.participation import Request, Roster, State
from mailtalk.vocabulary import Access, ChangeKind, ChangeStatus, Notify

LANES = 256  # conversations in one transaction
BATCH = 5_000  # changes in one transaction
ATTEMPTS = 5
RETRY = timedelta(seconds=2)

Lane = tuple[str, str]  # app, conversation


@dataclass(frozen=True, slots=True)
class Pending:
    """A change that waits, as the fold sees it."""

    id: int
    lane: Lane
    user_id: str
    request: Request


@dataclass(frozen=True, slots=True)
class _Conversation:
    applied_seq: int
    limit: int | None
    active: int


class Poison(Exception):
    """Applying these changes raised what it should not; they must be tried alone."""

    def __init__(self, changes: Sequence[Pending]) -> None:
        super().__init__(f"{len(changes)} changes could not be applied")
        self.changes = changes


def apply(session: Session, now: datetime, only: Sequence[int] | None = None) -> list[Ended]:
    """Apply what is pending in the lanes that nobody else holds, in order; empty when there is nothing to do.

    Call again after the commit until it gives nothing: a drainer that found its lane taken went home.
    Raises Poison with the changes in hand when something unforeseen happens; `only` then takes one alone.
    """
    lanes = _take(session, now, only)
    if not lanes:
        return []
    conversations = _lock(session, lanes)
    pending = _pending(session, lanes, only)
    try:
        return _apply(session, now, conversations, pending)
    except Exception as error:
        raise Poison(pending) from error


def fail(session: Session, change_id: int, now: datetime) -> Ended | None:
    """Count a failed attempt alone; after the last one the change ends as failed, and its lane goes on."""
    row = session.execute(
        text("""
        UPDATE changes SET attempts = attempts + 1, not_before = :later,
            status = CASE WHEN attempts + 1 >= :most THEN 'failed' ELSE status END,
            error_code = CASE WHEN attempts + 1 >= :most THEN 'INTERNAL' END
        WHERE id = :id AND status = 'pending' RETURNING status"""),
        {"id": change_id, "later": now + RETRY, "most": ATTEMPTS},
    ).one_or_none()
    if row is None or row.status == ChangeStatus.PENDING:
        return None
    return Ended(change_id, ChangeStatus.FAILED, "INTERNAL")


def _take(session: Session, now: datetime, only: Sequence[int] | None) -> list[Lane]:
    # The fence (OFFSET 0) keeps the lock function from running for lanes beyond the limit.
    rows = session.execute(
        text("""
        SELECT app_id, conversation_id FROM (
            SELECT app_id, conversation_id FROM changes
            WHERE status = 'pending' AND (CAST(:only AS bigint[]) IS NULL OR id = ANY(:only))
            GROUP BY app_id, conversation_id
            HAVING max(not_before) IS NULL OR max(not_before) <= :now OR CAST(:only AS bigint[]) IS NOT NULL
            ORDER BY app_id, conversation_id LIMIT :lanes OFFSET 0) AS lanes
        WHERE pg_try_advisory_xact_lock(hashtextextended(app_id || chr(31) || conversation_id, 0))"""),
        {"only": only, "now": now, "lanes": LANES},
    )
    return [(row.app_id, row.conversation_id) for row in rows]


def _lock(session: Session, lanes: Sequence[Lane]) -> dict[Lane, _Conversation]:
    session.execute(
        text("""
        SELECT 1 FROM conversations c JOIN unnest(CAST(:apps AS text[]), CAST(:ids AS text[])) AS lane (app_id, id)
            ON c.app_id = lane.app_id AND c.id = lane.id
        ORDER BY c.app_id, c.id FOR NO KEY UPDATE OF c"""),
        _columns(lanes),
    )
    # A statement after the lock sees what was committed until now (READ COMMITTED); so does _pending.
    rows = session.execute(
        text("""
        SELECT c.app_id, c.id, c.applied_seq, a.participant_limit,
            CASE WHEN a.participant_limit IS NULL THEN 0 ELSE (
                SELECT count(*) FROM participations p WHERE p.app_id = c.app_id AND p.conversation_id = c.id
                    AND p.present AND p.access <> 'None') END AS active
        FROM conversations c JOIN unnest(CAST(:apps AS text[]), CAST(:ids AS text[])) AS lane (app_id, id)
            ON c.app_id = lane.app_id AND c.id = lane.id
        JOIN apps a ON a.id = c.app_id"""),
        _columns(lanes),
    )
    return {(row.app_id, row.id): _Conversation(row.applied_seq, row.participant_limit, row.active) for row in rows}


def _pending(session: Session, lanes: Sequence[Lane], only: Sequence[int] | None) -> list[Pending]:
    rows = session.execute(
        text("""
        SELECT ch.id, ch.app_id, ch.conversation_id, ch.user_id, ch.kind, ch.access, ch.notify FROM changes ch
        JOIN unnest(CAST(:apps AS text[]), CAST(:ids AS text[])) AS lane (app_id, id)
            ON ch.app_id = lane.app_id AND ch.conversation_id = lane.id
        WHERE ch.status = 'pending' AND (CAST(:only AS bigint[]) IS NULL OR ch.id = ANY(:only))
        ORDER BY ch.id LIMIT :batch"""),
        _columns(lanes) | {"only": only, "batch": BATCH},
    )
    return [Pending(row.id, (row.app_id, row.conversation_id), row.user_id, _request(row)) for row in rows]


def _apply(
    session: Session, now: datetime, conversations: dict[Lane, _Conversation], pending: Sequence[Pending]
) -> list[Ended]:
    rosters = _rosters(session, conversations, pending)
    by_lane: dict[Lane, list[Pending]] = {}
    for change in pending:
        by_lane.setdefault(change.lane, []).append(change)
    outcomes: list[dict[str, Any]] = []
    for lane, changes in by_lane.items():
        errors = rosters[lane].fold((change.user_id, change.request) for change in changes)
        for seq, (change, error) in enumerate(zip(changes, errors, strict=True), conversations[lane].applied_seq + 1):
            status = ChangeStatus.REJECTED if error else ChangeStatus.APPLIED
            outcomes.append({"id": change.id, "lane": lane, "seq": seq, "status": status, "error": error})
    _write_states(session, now, rosters)
    _write_outcomes(session, now, outcomes)
    return [Ended(outcome["id"], outcome["status"], outcome["error"]) for outcome in outcomes]


def _rosters(
    session: Session, conversations: dict[Lane, _Conversation], pending: Sequence[Pending]
) -> dict[Lane, Roster]:
    asked = {"users": [change.user_id for change in pending]} | _columns([change.lane for change in pending])
    rows = session.execute(
        text("""
        SELECT DISTINCT u.app_id, asked.conversation_id, u.id, p.present, p.access, p.notify, p.generation
        FROM unnest(CAST(:apps AS text[]), CAST(:ids AS text[]), CAST(:users AS text[]))
            AS asked (app_id, conversation_id, user_id)
        JOIN users u ON u.app_id = asked.app_id AND u.id = asked.user_id
        LEFT JOIN participations p ON p.app_id = u.app_id AND p.conversation_id = asked.conversation_id
            AND p.user_id = u.id"""),
        asked,
    ).all()
    known: dict[Lane, set[str]] = {lane: set() for lane in conversations}
    states: dict[Lane, dict[str, State]] = {lane: {} for lane in conversations}
    for row in rows:
        known[row.app_id, row.conversation_id].add(row.id)
        if row.present is not None:
            states[row.app_id, row.conversation_id][row.id] = State(
                row.present, Access(row.access), Notify(row.notify), row.generation
            )
    return {
        lane: Roster(states[lane], conversation.active, conversation.limit, known[lane])
        for lane, conversation in conversations.items()
    }


def _write_states(session: Session, now: datetime, rosters: dict[Lane, Roster]) -> None:
    touched = [
        (lane, user_id, roster.states[user_id]) for lane, roster in rosters.items() for user_id in roster.touched
    ]
    if not touched:
        return
    touched.sort(key=lambda row: row[:2])  # one order for row locks
    session.execute(
        text("""
        INSERT INTO participations AS p
            (app_id, conversation_id, user_id, present, access, notify, generation, joined_at)
        SELECT app_id, conversation_id, user_id, present, access, notify, generation, :now
        FROM unnest(CAST(:apps AS text[]), CAST(:ids AS text[]), CAST(:users AS text[]), CAST(:presents AS boolean[]),
                    CAST(:accesses AS text[]), CAST(:notifies AS text[]), CAST(:generations AS bigint[]))
            AS made (app_id, conversation_id, user_id, present, access, notify, generation)
        ON CONFLICT (app_id, conversation_id, user_id) DO UPDATE SET
            present = excluded.present, access = excluded.access, notify = excluded.notify,
            generation = excluded.generation,
            joined_at = CASE WHEN excluded.present AND NOT p.present THEN excluded.joined_at ELSE p.joined_at END"""),
        _columns([lane for lane, _, _ in touched])
        | {
            "now": now,
            "users": [user_id for _, user_id, _ in touched],
            "presents": [state.present for _, _, state in touched],
            "accesses": [state.access for _, _, state in touched],
            "notifies": [state.notify for _, _, state in touched],
            "generations": [state.generation for _, _, state in touched],
        },
    )


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
        _columns(list(last)) | {"seqs": list(last.values())},
    )


def _columns(lanes: Sequence[Lane]) -> dict[str, list[str]]:
    return {"apps": [app_id for app_id, _ in lanes], "ids": [conversation_id for _, conversation_id in lanes]}


def _request(row: Any) -> Request:
    return Request(
        ChangeKind(row.kind),
        Access(row.access) if row.access else None,
        Notify(row.notify) if row.notify else None,
    )
