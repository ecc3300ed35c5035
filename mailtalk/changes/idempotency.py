"""Idempotency keys: a key's row is committed together with its effect, so a crash leaves both or neither."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from mailtalk.changes import log as change_log
from mailtalk.changes.log import Requested
from mailtalk.errors import ErrorCode, InProgress, KeyReused, NotFound, Refused
from mailtalk.models import IdempotencyKey

KEPT = timedelta(hours=25)  # 24 hours are promised; clocks differ between machines
PURGED = 10_000  # in one transaction
PATIENCE = 3  # seconds that a repeated request waits for the first one
LOCKED_TOO_LONG = "55P03"  # SQLSTATE lock_not_available

Accepted = list[int | NotFound]


@dataclass(frozen=True, slots=True)
class Claim:
    """Idempotency-Key of a request, and the request's hash."""

    app_id: str
    key: str
    request_hash: bytes

    @property
    def place(self) -> tuple[str, str]:
        """The app and the key."""
        return self.app_id, self.key


@dataclass(frozen=True, slots=True)
class Kept:
    """Stored result of a key's first request: the body of its 200, or its changes, whose outcomes are the response."""

    request_hash: bytes
    body: bytes | None
    accepted: Accepted


@dataclass(frozen=True, slots=True)
class ChangeRequest:
    """Changes of one request, and its Idempotency-Key."""

    changes: Sequence[Requested]
    claim: Claim | None = None


@dataclass(frozen=True, slots=True)
class AcceptedChanges:
    """Accepted changes of a request: its own, or those of the first request with its key if `replayed`."""

    accepted: Accepted
    replayed: bool = False


def recall(session: Session, claim: Claim) -> Kept | None:
    """Stored result of the key's first request; None if this is the first, and then the key is locked until the commit.

    Waits while another request holds the lock; InProgress after 3 s, KeyReused if the first request was different.
    """
    _hold(session, claim)
    kept = _kept(session, [claim.place]).get(claim.place)
    return None if kept is None else _same(kept, claim)


def keep(session: Session, claim: Claim, body: bytes) -> None:
    """Store the response to a request whose key is locked, in the transaction of its effect."""
    session.add(IdempotencyKey(app_id=claim.app_id, key=claim.key, request_hash=claim.request_hash, body=body))


def keep_changes(session: Session, claim: Claim, accepted: Accepted) -> None:
    """Store the changes of a request whose key is locked, in their transaction."""
    row = {"app_id": claim.app_id, "key": claim.key, "request_hash": claim.request_hash}
    session.add(IdempotencyKey(**row, change_ids=[_stored(change) for change in accepted]))


def accept(session: Session, arrivals: Sequence[ChangeRequest]) -> list[AcceptedChanges | Refused]:
    """Accept the changes of many requests, once for each key; no request fails or waits because of another."""
    if all(arrival.claim is None for arrival in arrivals):
        accepted = _accept(session, arrivals, range(len(arrivals)))
        return [AcceptedChanges(accepted[i]) for i in range(len(arrivals))]
    first = _first_of_each_key(arrivals)
    known: dict[tuple[str, str], Kept | Refused] = {}
    known |= _known(session, sorted(first))
    fresh = [i for i, arrival in enumerate(arrivals) if _is_fresh(i, arrival, first, known)]
    mine = _accept(session, arrivals, fresh)
    for i, results in mine.items():
        _remember(session, known, arrivals[i].claim, results)
    return [AcceptedChanges(mine[i]) if i in mine else _again(arrival, known) for i, arrival in enumerate(arrivals)]


def purge(session: Session, now: datetime) -> int:
    """Delete a batch of keys older than 25 hours; returns the number, 0 if none is left."""
    forgotten = session.execute(
        text("""
        DELETE FROM idempotency_keys WHERE (app_id, key) IN (
            SELECT app_id, key FROM idempotency_keys WHERE created_at < :before
            ORDER BY created_at LIMIT :most FOR UPDATE SKIP LOCKED) RETURNING 1"""),
        {"before": now - KEPT, "most": PURGED},
    )
    return len(forgotten.all())


def _hold(session: Session, claim: Claim) -> None:
    lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:app || chr(31) || :key, 1))")
    session.execute(text(f"SET LOCAL lock_timeout = '{PATIENCE}s'"))
    try:
        session.execute(lock, {"app": claim.app_id, "key": claim.key})
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) != LOCKED_TOO_LONG:
            raise
        raise _in_progress() from None
    session.execute(text("SET LOCAL lock_timeout TO DEFAULT"))


def _accept(session: Session, arrivals: Sequence[ChangeRequest], indexes: Iterable[int]) -> dict[int, Accepted]:
    """Accept the changes of these requests together; the results by the request's index."""
    accepted: dict[int, Accepted] = {i: [] for i in indexes}
    changes = [(i, change) for i in accepted for change in arrivals[i].changes]
    results = change_log.accept(session, [change for _, change in changes])
    for (i, _), result in zip(changes, results, strict=True):
        accepted[i].append(result)
    return accepted


def _first_of_each_key(arrivals: Sequence[ChangeRequest]) -> dict[tuple[str, str], int]:
    first: dict[tuple[str, str], int] = {}
    for i, arrival in enumerate(arrivals):
        if arrival.claim is not None:
            first.setdefault(arrival.claim.place, i)
    return first


def _known(session: Session, places: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Kept | Refused]:
    # Many requests share this transaction: a locked key is answered with InProgress, without waiting.
    held = session.execute(
        text("""
        SELECT app_id, key FROM unnest(CAST(:apps AS text[]), CAST(:keys AS text[])) AS asked (app_id, key)
        WHERE pg_try_advisory_xact_lock(hashtextextended(app_id || chr(31) || key, 1))"""),
        _columns(places),
    )
    free = {(row.app_id, row.key) for row in held}
    busy: dict[tuple[str, str], Kept | Refused] = {place: _in_progress() for place in places if place not in free}
    return busy | _kept(session, sorted(free))


def _kept(session: Session, places: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Kept]:
    # A statement after the one that took the locks sees the commits of their previous holders (READ COMMITTED).
    rows = session.execute(
        text("""
        SELECT k.app_id, k.key, k.request_hash, k.body, k.change_ids FROM idempotency_keys k
        JOIN unnest(CAST(:apps AS text[]), CAST(:keys AS text[])) AS asked (app_id, key) USING (app_id, key)"""),
        _columns(places),
    )
    return {
        (row.app_id, row.key): Kept(row.request_hash, row.body, [_restored(stored) for stored in row.change_ids or ()])
        for row in rows
    }


def _is_fresh(
    i: int, arrival: ChangeRequest, first: dict[tuple[str, str], int], known: dict[tuple[str, str], Kept | Refused]
) -> bool:
    claim = arrival.claim
    return claim is None or (claim.place not in known and first[claim.place] == i)


def _remember(
    session: Session, known: dict[tuple[str, str], Kept | Refused], claim: Claim | None, accepted: Accepted
) -> None:
    if claim is None:
        return
    known[claim.place] = Kept(claim.request_hash, None, accepted)
    if any(isinstance(result, int) for result in accepted):  # a request without effect may be repeated with its key
        keep_changes(session, claim, accepted)


def _again(arrival: ChangeRequest, known: dict[tuple[str, str], Kept | Refused]) -> AcceptedChanges | Refused:
    assert arrival.claim is not None  # noqa: S101  one without a key is always fresh
    kept = known[arrival.claim.place]
    try:
        return (
            kept if isinstance(kept, Refused) else AcceptedChanges(_same(kept, arrival.claim).accepted, replayed=True)
        )
    except KeyReused as refusal:
        return refusal


def _same(kept: Kept, claim: Claim) -> Kept:
    if kept.request_hash != claim.request_hash:
        raise KeyReused({"Idempotency-Key": ["was used for another request"]})
    return kept


def _in_progress() -> InProgress:
    return InProgress({"Idempotency-Key": ["its first request is still being worked on"]})


def _stored(result: int | NotFound) -> Any:
    return result if isinstance(result, int) else {"code": result.code, "reasons": result.reasons}


def _restored(stored: Any) -> int | NotFound:
    return stored if isinstance(stored, int) else NotFound(stored["reasons"], ErrorCode(stored["code"]))


def _columns(places: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    return {"apps": [app_id for app_id, _ in places], "keys": [key for _, key in places]}
