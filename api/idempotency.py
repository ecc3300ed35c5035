"""The Idempotency-Key header: what it claims, and a transaction that answers a repeat with the first answer."""

from collections.abc import Callable, Sequence
from hashlib import sha256

import msgspec
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from mailtalk.changes import idempotency
from mailtalk.changes import log as change_log
from mailtalk.changes.idempotency import Accepted, Claim, Taken
from mailtalk.changes.log import Requested
from mailtalk.db.database import Database
from mailtalk.errors import Invalid, NotFound

HEADER = "Idempotency-Key"
REPLAYED = {"Idempotency-Replayed": "true"}
LONGEST = 255
READING = ("GET", "HEAD")


def claim(request: Request, app_id: str, version: str, body: bytes) -> Claim | None:
    """What the request claims; None without the header, and for what changes nothing."""
    key = request.headers.get(HEADER)
    if key is None or request.method in READING:
        return None
    if not 0 < len(key) <= LONGEST or not key.isprintable():
        raise Invalid({HEADER: [f"must be 1 to {LONGEST} printable characters"]})
    parts = (request.method, request.scope["path"], request.url.query, version)
    return Claim(app_id, key, sha256(msgspec.json.encode(parts) + body).digest())


def commit(database: Database, claimed: Claim | None, verb: Callable[[Session], object]) -> Response:
    """Call a verb and commit its answer together with its effect; a repeat gets that answer and has no effect.

    None is answered as {}.
    """
    with database.transaction() as session:
        kept = idempotency.recall(session, claimed) if claimed else None
        body = kept.body if kept else _answer(session, claimed, verb)
    return _response(body, replayed=kept is not None)


def commit_changes(
    database: Database, claimed: Claim | None, asked: Sequence[Requested], verb: Callable[[Session], object]
) -> Taken:
    """Call a verb and take in changes of participation, all or nothing; a repeat gets the changes of the first."""
    with database.transaction() as session:
        kept = idempotency.recall(session, claimed) if claimed else None
        accepted = kept.accepted if kept else _changed(session, claimed, asked, verb)
    return Taken(accepted, replayed=kept is not None)


def recall(database: Database, claimed: Claim) -> Response | None:
    """The first answer, if there was one."""
    with database.transaction() as session:
        kept = idempotency.recall(session, claimed)
    return None if kept is None else _response(kept.body, replayed=True)


def _answer(session: Session, claimed: Claim | None, verb: Callable[[Session], object]) -> bytes:
    answer = verb(session)
    body = msgspec.json.encode({} if answer is None else answer)
    if claimed is not None:
        idempotency.keep(session, claimed, body)
    return body


def _changed(
    session: Session, claimed: Claim | None, asked: Sequence[Requested], verb: Callable[[Session], object]
) -> Accepted:
    verb(session)
    accepted = change_log.accept(session, asked)
    for each in accepted:
        if isinstance(each, NotFound):
            raise each
    if claimed is not None:
        idempotency.keep_changes(session, claimed, accepted)
    return accepted


def _response(body: bytes | None, *, replayed: bool) -> Response:
    return Response(body, 200, REPLAYED if replayed else None, media_type="application/json")
