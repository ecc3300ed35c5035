"""Idempotency-Key header: a repeat of a request gets the first answer and has no effect."""

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any, TypeVar

import msgspec
from sqlalchemy.orm import Session
from starlette.requests import Request

from api.wire import Answer
from mailtalk.changes import idempotency
from mailtalk.changes import log as change_log
from mailtalk.changes.idempotency import Accepted, AcceptedChanges, Claim
from mailtalk.changes.log import Requested
from mailtalk.db.database import Database
from mailtalk.errors import Invalid, NotFound

HEADER = "Idempotency-Key"
REPLAYED = {"Idempotency-Replayed": "true"}
LONGEST = 255
READING = ("GET", "HEAD")

Content = TypeVar("Content")


def claim(request: Request, app_id: str, version: str, body: bytes) -> Claim | None:
    """Claim of a request: its key and a hash of it. None without the header and for a method that changes nothing."""
    key = request.headers.get(HEADER)
    if key is None or request.method in READING:
        return None
    if not 0 < len(key) <= LONGEST or not key.isprintable():
        raise Invalid({HEADER: [f"must be 1 to {LONGEST} printable characters"]})
    parts = (request.method, request.scope["path"], request.url.query, version)
    return Claim(app_id, key, sha256(msgspec.json.encode(parts) + body).digest())


def commit(database: Database, claimed: Claim | None, verb: Callable[[Session], Content]) -> Answer[Content]:
    """Call a verb and commit its answer with its effect; a repeat gets that answer and has no effect. None means {}."""
    with database.transaction() as session:
        kept = idempotency.recall(session, claimed) if claimed else None
        body = kept.body if kept else _answer(session, claimed, verb)
    return Answer(body, headers=REPLAYED if kept else None)


def commit_changes(
    database: Database, claimed: Claim | None, requested: Sequence[Requested], verb: Callable[[Session], object]
) -> AcceptedChanges:
    """Call a verb and accept changes of participation, all or none; a repeat gets the changes of the first request."""
    with database.transaction() as session:
        kept = idempotency.recall(session, claimed) if claimed else None
        accepted = kept.accepted if kept else _accepted(session, claimed, requested, verb)
    return AcceptedChanges(accepted, replayed=kept is not None)


def recall(database: Database, claimed: Claim) -> Answer[Any] | None:
    """Answer to the first request with this key; None if there was none."""
    with database.transaction() as session:
        kept = idempotency.recall(session, claimed)
    return None if kept is None else Answer(kept.body, headers=REPLAYED)


def _answer(session: Session, claimed: Claim | None, verb: Callable[[Session], object]) -> bytes:
    answer = verb(session)
    body = msgspec.json.encode({} if answer is None else answer)
    if claimed is not None:
        idempotency.keep(session, claimed, body)
    return body


def _accepted(
    session: Session, claimed: Claim | None, requested: Sequence[Requested], verb: Callable[[Session], object]
) -> Accepted:
    verb(session)
    accepted = change_log.accept(session, requested)
    for change in accepted:
        if isinstance(change, NotFound):
            raise change
    if claimed is not None:
        idempotency.keep_changes(session, claimed, accepted)
    return accepted
