"""Claims on inbound mails: a live worker claims the next mails of many participations; a dead worker's are released.

Mails of one participation are taken in the order of their arrival, and by one worker at a time. Apps take turns, and
bounces and mail to postmaster have their own small share. The cost of a claim does not depend on how many mails wait:
the statement steps from one participation to the next in an index (a loose index scan).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.orm import Session

from mailtalk.db import sql
from mailtalk.db.workers import of_the_dead
from mailtalk.ids import ConversationKey
from mailtalk.vocabulary import Purpose

BATCH = 100  # mails
BATCH_BYTES = 32_000_000  # of raw mail; at least one mail is taken, whatever its size
OTHERS = 10  # bounces, and mails to postmaster, claimed in one batch with replies

APPS = 200  # apps with waiting mail that one claim looks at
LOOKED_AT = 500  # participations of an app that one claim looks at: some are locked, or wait for a retry

_CANDIDATES = sql.fragment(
    Path(__file__).with_name("claim_candidates.sql").read_text("utf-8"),
    queue="m.outcome = 'received' AND m.participation_id IS NOT NULL AND m.reason IS NULL",
    apps=str(APPS),
    batch=str(BATCH),
    others=str(OTHERS),
    looked_at=str(LOOKED_AT),
    first_id="CAST('00000000-0000-0000-0000-000000000000' AS uuid)",
    last_id="CAST('ffffffff-ffff-ffff-ffff-ffffffffffff' AS uuid)",
)
_CLAIM = sql.load(__file__, "claim", candidates=_CANDIDATES)
_WAITS = sql.statement("WITH $candidates SELECT id FROM picked LIMIT 1", candidates=_CANDIDATES)
_HELD = "outcome = 'received' AND worker_id IS NOT NULL"
_RELEASE = text("""
    UPDATE inbound_mails SET worker_id = NULL
    WHERE id = ANY(:ids) AND worker_id = :worker AND outcome = 'received'""")
_RECOVER = text(f"""
    UPDATE inbound_mails SET worker_id = NULL
    WHERE {_HELD} AND {of_the_dead("inbound_mails", _HELD)} RETURNING 1""")  # noqa: S608  ours


class ClaimedMail(NamedTuple):
    """Inbound mail claimed by this worker: its row as of the claim, its sealed bytes, and its envelope."""

    id: int
    raw_id: int | None
    app_id: str | None
    conversation_id: str | None
    user_id: str | None
    participation_id: UUID | None
    generation: int | None
    delivery_id: UUID | None
    purpose: Purpose
    verdict: str | None
    evidence: Mapping[str, Any] | None
    received_at: datetime
    released_at: datetime | None
    needs_proof: bool
    sealed: bytes
    mail_from: str
    client_ip: str | None
    helo: str | None
    spf: str | None
    locale: str | None

    @property
    def conversation(self) -> ConversationKey:
        """Conversation of the address that the mail was sent to; empty for bounces and postmaster."""
        return ConversationKey(self.app_id or "", self.conversation_id or "")


class Turn(NamedTuple):
    """Turn of a claim: apps after `after_app`, either those that authenticate senders by DNS or all others."""

    proving: bool = False
    after_app: str = ""
    most: int = BATCH


def claim(session: Session, now: datetime, worker_id: int, turn: Turn) -> list[ClaimedMail]:
    """Claim the next mails, oldest first; no other worker claims later ones of their participations meanwhile."""
    values = _values(now, turn) | {"worker": worker_id}
    rows = session.execute(_CLAIM, values)
    return [ClaimedMail(*row)._replace(purpose=Purpose(row.purpose)) for row in rows]


def waits(session: Session, now: datetime, *, proving: bool = False) -> bool:
    """True if a claim would return a mail now."""
    return session.scalar(_WAITS, _values(now, Turn(proving, most=1))) is not None


def release(session: Session, worker_id: int, ids: Sequence[int]) -> None:
    """Release claimed mails undecided, for any worker to claim."""
    session.execute(_RELEASE, {"worker": worker_id, "ids": list(ids)})


def recover(session: Session) -> int:
    """Release the mails claimed by dead workers; returns their number."""
    return len(session.execute(_RECOVER).all())


def _values(now: datetime, turn: Turn) -> dict[str, Any]:
    return {
        "now": now,
        "proving": turn.proving,
        "after_app": turn.after_app,
        "most": turn.most,
        "bytes": BATCH_BYTES,
        "start": uuid4(),  # a random participation, so that none is always the last
    }
