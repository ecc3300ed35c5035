"""Intake of participation changes: group commit, bell, and the response once they are applied."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from api import errors
from api.idempotency_header import REPLAYED
from api.schemas.changes import Change
from api.waiting import Outcomes
from api.wire import Answer, reply
from mailtalk.changes import idempotency
from mailtalk.changes.idempotency import AcceptedChanges, ChangeRequest, Claim
from mailtalk.changes.log import Ended, Requested
from mailtalk.db.database import Database
from mailtalk.db.group_commit import GroupCommit
from mailtalk.errors import MailtalkError, NotFound, Refused
from mailtalk.ids import CHANGE
from worker.bell import APPLY_CHANGES, Bell

LONGEST_WAIT = 60.0  # seconds, whatever Prefer says
_WAIT = re.compile(r'^wait\s*=\s*"?([0-9]{1,18})"?$')


@dataclass(frozen=True, slots=True)
class Receipt:
    """Durable change, and its end, if known."""

    id: int
    requested: Requested
    ended: Ended | None
    replayed: bool = False  # a repeated Idempotency-Key

    @property
    def failure(self) -> MailtalkError | None:
        """Error of a refused change; None for any other."""
        return errors.of_change(self.ended) if self.ended else None

    @property
    def location(self) -> dict[str, str]:
        """Header with the change's path."""
        location = f"/v1/{self.requested.participant.app_id}/changes/{CHANGE.show(self.id)}"
        return {"Operation-Location": location, **replayed([self])}


class Intake:
    """Acceptor of changes; one per process."""

    def __init__(self, database: Database, bell: Bell, outcomes: Outcomes, wait_seconds: float) -> None:
        self._outcomes, self._wait_seconds = outcomes, wait_seconds
        self._ring = partial(bell.ring, APPLY_CHANGES)
        self._door = GroupCommit[ChangeRequest, "AcceptedChanges | Refused"](
            database, idempotency.accept, self._ring, weigh=lambda arrival: len(arrival.changes)
        )

    async def change(self, requested: Sequence[Requested], prefer: str = "", claim: Claim | None = None) -> Answer[Any]:
        """Make changes durable and answer: 200 once all are applied, 202 if not in time, or the first error."""
        return _answer(await self.take(requested, prefer, claim))

    async def follow(self, requested: Sequence[Requested], taken: AcceptedChanges, prefer: str = "") -> Answer[Any]:
        """Ring the bell for changes that are durable already, and answer like `change`."""
        self._ring()
        return _answer(await self._receipts(requested, taken, prefer))

    async def take(
        self, requested: Sequence[Requested], prefer: str = "", claim: Claim | None = None
    ) -> list[Receipt | NotFound]:
        """Make changes of one app durable, in one commit and in this order, and wait for the end of each.

        With a known Idempotency-Key, return the changes of its first request.
        """
        taken = await self._door.put(ChangeRequest(requested, claim))
        if isinstance(taken, Refused):
            raise taken
        return await self._receipts(requested, taken, prefer)

    async def close(self) -> None:
        """Wait for the commits in progress."""
        await self._door.close()

    async def _receipts(
        self, requested: Sequence[Requested], taken: AcceptedChanges, prefer: str
    ) -> list[Receipt | NotFound]:
        seconds = patience(prefer, self._wait_seconds)
        ids = [accepted for accepted in taken.accepted if isinstance(accepted, int)]
        if taken.replayed:
            self._outcomes.announced(ids)
        ended = await self._outcomes.of(requested[0].participant.app_id, ids, seconds) if ids and seconds else {}
        return [
            accepted
            if isinstance(accepted, NotFound)
            else Receipt(accepted, change, ended.get(accepted), taken.replayed)
            for accepted, change in zip(taken.accepted, requested, strict=True)
        ]


def replayed(receipts: Sequence[Receipt | NotFound]) -> dict[str, str]:
    """Header of changes made by an earlier request with the same Idempotency-Key; else empty."""
    is_repeat = any(isinstance(receipt, Receipt) and receipt.replayed for receipt in receipts)
    return REPLAYED if is_repeat else {}


def patience(prefer: str, default: float) -> float:
    """Seconds to wait, from a Prefer header (RFC 7240): wait=N, else 0 for respond-async, else the default."""
    preferences = [part.strip().lower() for part in re.split("[,;]", prefer)]
    waits = [int(match[1]) for match in map(_WAIT.match, preferences) if match]
    if waits:
        return min(waits[0], LONGEST_WAIT)
    return 0.0 if "respond-async" in preferences else default


def _answer(taken: Sequence[Receipt | NotFound]) -> Answer[Any]:
    receipts = [_accepted(receipt) for receipt in taken]
    refused = [receipt for receipt in receipts if receipt.failure is not None]
    if refused:
        return errors.answer(_failure(refused), refused[0].location)
    last = receipts[-1]
    if any(receipt.ended is None for receipt in receipts):
        return reply(Change.pending(last.id, last.requested), 202, last.location)
    return reply({}, 200, last.location)


def _failure(refused: Sequence[Receipt]) -> MailtalkError:
    """Error of refused changes: the first one's, with the reasons of each user."""
    first = refused[0].failure
    assert first is not None  # noqa: S101  refused means that there is one
    alike = [receipt for receipt in refused if type(receipt.failure) is type(first)]
    if not isinstance(first, Refused) or len(alike) == 1:
        return first
    return type(first)(
        {receipt.requested.participant.user_id: _texts(receipt.failure) for receipt in alike}, first.code
    )


def _texts(error: MailtalkError | None) -> Sequence[str]:
    return error.reasons if isinstance(error, Refused) and not isinstance(error.reasons, Mapping) else ()


def _accepted(taken: Receipt | NotFound) -> Receipt:
    if isinstance(taken, NotFound):
        raise taken
    return taken
