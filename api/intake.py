"""The intake of participation changes: group commit, bell, and the answer once they are applied."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from starlette.responses import Response

from api import errors
from api.idempotency import REPLAYED
from api.waiting import Outcomes
from api.wire import Json, reply
from mailtalk import clock
from mailtalk.changes import idempotency
from mailtalk.changes.idempotency import Arrival, Claim, Taken
from mailtalk.changes.log import Ended, Requested
from mailtalk.db.database import Database
from mailtalk.db.group_commit import GroupCommit
from mailtalk.errors import MailtalkError, NotFound, Refused
from mailtalk.ids import CHANGE
from mailtalk.models import Change
from mailtalk.vocabulary import ChangeKind, ChangeStatus
from worker.bell import APPLY_CHANGES, Bell

LONGEST_WAIT = 60.0  # seconds, whatever Prefer asks for
_WAIT = re.compile(r'^wait\s*=\s*"?([0-9]{1,18})"?$')
_WIRE_STATUS = {ChangeStatus.FAILED: ChangeStatus.REJECTED}
_WIRE_KIND = {ChangeKind.ADD: ChangeKind.JOIN, ChangeKind.DEPART: ChangeKind.LEAVE}


@dataclass(frozen=True, slots=True)
class Receipt:
    """A change that is durable, and what became of it, if that is known yet."""

    id: int
    asked: Requested
    ended: Ended | None
    replayed: bool = False  # an Idempotency-Key was sent again

    @property
    def failure(self) -> MailtalkError | None:
        """What the change ended with, if a rule refused it."""
        return errors.of_change(self.ended) if self.ended else None

    @property
    def location(self) -> dict[str, str]:
        """The header that says where the change is to be seen."""
        return {
            "Operation-Location": f"/v1/{self.asked.participant.app_id}/changes/{CHANGE.show(self.id)}",
            **replayed([self]),
        }


class Intake:
    """Takes changes in; one for each process."""

    def __init__(self, database: Database, bell: Bell, outcomes: Outcomes, wait_seconds: float) -> None:
        self._outcomes, self._wait_seconds = outcomes, wait_seconds
        self._ring = partial(bell.ring, APPLY_CHANGES)
        self._door = GroupCommit[Arrival, "Taken | Refused"](
            database, idempotency.accept, self._ring, weigh=lambda arrival: len(arrival.changes)
        )

    async def change(self, asked: Sequence[Requested], prefer: str = "", claim: Claim | None = None) -> Response:
        """Make changes durable and answer: 200 once all are applied, 202 when not in time, or the first error."""
        return _answer(await self.take(asked, prefer, claim))

    async def follow(self, asked: Sequence[Requested], taken: Taken, prefer: str = "") -> Response:
        """Ring for changes that were made durable elsewhere, and answer like `change`."""
        self._ring()
        return _answer(await self._receipts(asked, taken, prefer))

    async def take(
        self, asked: Sequence[Requested], prefer: str = "", claim: Claim | None = None
    ) -> list[Receipt | NotFound]:
        """Make changes of one app durable, in one commit and in this order, and wait for what becomes of each.

        With a key that is known these are the changes of its first request.
        """
        taken = await self._door.put(Arrival(asked, claim))
        if isinstance(taken, Refused):
            raise taken
        return await self._receipts(asked, taken, prefer)

    async def close(self) -> None:
        """Wait for the commits under way."""
        await self._door.close()

    async def _receipts(self, asked: Sequence[Requested], taken: Taken, prefer: str) -> list[Receipt | NotFound]:
        seconds = patience(prefer, self._wait_seconds)
        ids = [each for each in taken.accepted if isinstance(each, int)]
        if taken.replayed:
            self._outcomes.announced(ids)
        ended = await self._outcomes.of(asked[0].participant.app_id, ids, seconds) if ids and seconds else {}
        return [
            each if isinstance(each, NotFound) else Receipt(each, one, ended.get(each), taken.replayed)
            for each, one in zip(taken.accepted, asked, strict=True)
        ]


def replayed(receipts: Sequence[Receipt | NotFound]) -> dict[str, str]:
    """The header that says that the changes are those of an earlier request with the same Idempotency-Key."""
    return REPLAYED if any(isinstance(each, Receipt) and each.replayed for each in receipts) else {}


def patience(prefer: str, default: float) -> float:
    """How many seconds to wait, from a Prefer header (RFC 7240): wait=N, else respond-async, which is not at all."""
    preferences = [part.strip().lower() for part in re.split("[,;]", prefer)]
    waits = [int(match[1]) for match in map(_WAIT.match, preferences) if match]
    if waits:
        return min(waits[0], LONGEST_WAIT)
    return 0.0 if "respond-async" in preferences else default


def pending(change_id: int, asked: Requested) -> Json:
    """A change that waits, on the wire."""
    return {
        "id": CHANGE.show(change_id),
        "kind": _WIRE_KIND.get(asked.request.kind, asked.request.kind),
        "status": ChangeStatus.PENDING,
        "requestedAt": clock.millis(asked.at),
        "appliedAt": None,
    }


def shown(change: Change) -> Json:
    """A change of the log, on the wire."""
    status = ChangeStatus(change.status)
    return {
        "id": CHANGE.show(change.id),
        "kind": _WIRE_KIND.get(ChangeKind(change.kind), change.kind),
        "conversationId": change.conversation_id,
        "userId": change.user_id,
        "status": _WIRE_STATUS.get(status, status),
        **({"errorCode": change.error_code} if change.error_code else {}),
        "requestedAt": clock.millis(change.requested_at),
        "appliedAt": clock.millis(change.applied_at) if change.applied_at else None,
    }


def _answer(taken: Sequence[Receipt | NotFound]) -> Response:
    receipts = [_accepted(each) for each in taken]
    refused = [receipt for receipt in receipts if receipt.failure is not None]
    if refused:
        return errors.answer(_failure(refused), refused[0].location)
    last = receipts[-1]
    if any(receipt.ended is None for receipt in receipts):
        return reply(pending(last.id, last.asked), 202, last.location)
    return reply({}, 200, last.location)


def _failure(refused: Sequence[Receipt]) -> MailtalkError:
    """What to answer when changes were refused: the first one's error, with a reason for each user it is about."""
    first = refused[0].failure
    assert first is not None  # noqa: S101  that is why it is here
    alike = [each for each in refused if type(each.failure) is type(first)]
    if not isinstance(first, Refused) or len(alike) == 1:
        return first
    return type(first)({each.asked.participant.user_id: _texts(each.failure) for each in alike}, first.code)


def _texts(error: MailtalkError | None) -> Sequence[str]:
    return error.reasons if isinstance(error, Refused) and not isinstance(error.reasons, Mapping) else ()


def _accepted(taken: Receipt | NotFound) -> Receipt:
    if isinstance(taken, NotFound):
        raise taken
    return taken
