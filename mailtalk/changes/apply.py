"""Apply pending changes: those of many conversations in one transaction, each conversation under its lock, in order."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from mailtalk.changes import participant_events, store
from mailtalk.changes.log import Ended
from mailtalk.changes.store import LockedConversation
from mailtalk.db import sql, step_times
from mailtalk.db.arrays import of_conversations
from mailtalk.db.database import is_temporary
from mailtalk.errors import ErrorCode
from mailtalk.ids import ConversationKey, ParticipantKey
from mailtalk.notifications import scheduling
from mailtalk.participation.rules import UNSET, Fold, Request
from mailtalk.vocabulary import Access, Actor, ChangeKind, ChangeStatus, Frequency, Notify, QueueName

CONVERSATIONS = 256  # in one transaction
BATCH = 5_000  # changes in one transaction
ATTEMPTS = 5
RETRY = timedelta(seconds=2)

_TAKE = sql.load(__file__, "take_conversations")
_PENDING = sql.load(__file__, "read_pending")
_END = sql.load(__file__, "write_outcomes")
_FAIL = sql.load(__file__, "count_failure")
_PULL_BACK = sql.statement("""
    UPDATE changes SET not_before = :now WHERE (app_id, id) IN (
        SELECT app_id, id FROM changes WHERE status = $ChangeStatus.PENDING AND not_before > :now + :longest
        ORDER BY app_id, id LIMIT :most FOR NO KEY UPDATE SKIP LOCKED)
    RETURNING 1""")


@dataclass(frozen=True, slots=True)
class Pending:
    """A pending change."""

    id: int
    participant: ParticipantKey
    request: Request


@dataclass(frozen=True, slots=True)
class AppliedChange:
    """A change that was applied, or rejected with an error code, and its number in the conversation's order."""

    change: Pending
    applied_seq: int
    error: ErrorCode | None

    @property
    def status(self) -> ChangeStatus:
        """APPLIED or REJECTED."""
        return ChangeStatus.REJECTED if self.error else ChangeStatus.APPLIED


class PoisonChanges(Exception):
    """Applying these changes raised an unexpected error; they must be tried one by one."""

    def __init__(self, changes: Sequence[Pending]) -> None:
        super().__init__(f"{len(changes)} changes could not be applied")
        self.changes = changes


def apply(session: Session, now: datetime, only: Sequence[int] | None = None) -> list[Ended] | None:
    """Apply pending changes of conversations that no other worker holds; None if there is no such conversation.

    Call until it returns None, also after an empty list: while we held a lock, other workers skipped its
    conversation, so new changes may be waiting. `only` restricts it to these changes, to try one alone. Raises
    PoisonChanges with the changes in hand on an unexpected error.
    """
    keys = _take(session, now, only)
    if not keys:
        return None
    conversations = store.lock(session, keys)
    pending = _pending(session, keys, only)
    try:
        return _apply(session, now, conversations, pending)
    except Exception as error:
        if is_temporary(error):
            raise
        raise PoisonChanges(pending) from error


def fail(session: Session, change_id: int, now: datetime) -> Ended | None:
    """Count a failed attempt; after the last one the change is FAILED, and the conversation continues without it."""
    values = {"id": change_id, "later": now + RETRY, "most": ATTEMPTS, "code": ErrorCode.INTERNAL}
    row = session.execute(_FAIL, values).one_or_none()
    if row is None or row.status == ChangeStatus.PENDING:
        return None
    return Ended(change_id, ChangeStatus.FAILED, ErrorCode.INTERNAL)


def pull_back(session: Session, now: datetime) -> int:
    """Make due what would wait longer than any retry, as after a clock jumped; returns the number of changes."""
    return len(session.execute(_PULL_BACK, {"now": now, "longest": RETRY * 2, "most": BATCH}).all())


def _take(session: Session, now: datetime, only: Sequence[int] | None) -> list[ConversationKey]:
    rows = session.execute(_TAKE, {"only": only, "now": now, "most": CONVERSATIONS})
    return [ConversationKey(*row) for row in rows]


def _pending(session: Session, keys: Sequence[ConversationKey], only: Sequence[int] | None) -> list[Pending]:
    # A new statement sees everything that was committed before the locks were taken (READ COMMITTED).
    rows = session.execute(_PENDING, of_conversations(keys) | {"only": only, "most": BATCH}).all()
    step_times.note(session, QueueName.CHANGES, (row.requested_at for row in rows))
    return [Pending(row.id, ParticipantKey.of(*row[1:4]), _request(row)) for row in rows]


def _apply(
    session: Session,
    now: datetime,
    conversations: dict[ConversationKey, LockedConversation],
    pending: Sequence[Pending],
) -> list[Ended]:
    changes: dict[ConversationKey, list[Pending]] = {}
    for change in pending:
        changes.setdefault(change.participant.conversation, []).append(change)
    requests = {key: [(change.participant.user_id, change.request) for change in changes[key]] for key in changes}
    folds = store.read(session, conversations, requests)
    outcomes: list[AppliedChange] = []
    for key, waiting in changes.items():
        errors = _fold(folds.get(key), requests[key])
        first = conversations[key].applied_seq + 1 if key in conversations else 1
        outcomes += map(AppliedChange, waiting, range(first, first + len(waiting)), errors)
    store.write(session, now, conversations, folds)
    participant_events.record(session, now, folds)
    scheduling.repace(session, now, _repaced(folds))
    _end(session, now, outcomes)
    return [
        Ended(outcome.change.id, outcome.status, outcome.error, outcome.change.participant.app_id)
        for outcome in outcomes
    ]


def _fold(fold: Fold | None, requests: Sequence[tuple[str, Request]]) -> list[ErrorCode | None]:
    if fold is None:  # deleted since the changes were accepted
        return [ErrorCode.CONVERSATION_NOT_FOUND] * len(requests)
    return fold.apply(requests)


def _repaced(folds: dict[ConversationKey, Fold]) -> list[ParticipantKey]:
    return [
        ParticipantKey(key, user_id)
        for key, fold in folds.items()
        for user_id, folded in fold.users.items()
        if folded.repaced
    ]


def _end(session: Session, now: datetime, outcomes: Sequence[AppliedChange]) -> None:
    keys = [outcome.change.participant.conversation for outcome in outcomes]
    session.execute(
        _END,
        of_conversations(keys)
        | {
            "now": now,
            "changes": [outcome.change.id for outcome in outcomes],
            "statuses": [outcome.status for outcome in outcomes],
            "errors": [outcome.error for outcome in outcomes],
            "seqs": [outcome.applied_seq for outcome in outcomes],
        },
    )


def _request(row: Any) -> Request:
    return Request(
        ChangeKind(row.kind),
        Access(row.access) if row.access else None,
        Notify(row.notify) if row.notify else None,
        row.mute_until if row.mute_given else UNSET,
        Frequency(row.frequency) if row.frequency else None,
        Actor(row.requested_by),
    )
