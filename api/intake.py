"""The intake of participation changes: group commit, bell, and the answer once they are applied."""

import asyncio
import re
from collections.abc import Sequence

from starlette.responses import Response

from api import errors
from api.outcomes import Outcomes
from api.wire import Json, reply
from mailtalk import changes, clock
from mailtalk.changes import Requested
from mailtalk.db import Database
from mailtalk.errors import NotFound
from mailtalk.group_commit import GroupCommit
from mailtalk.models import Change
from mailtalk.vocabulary import ChangeKind, ChangeStatus
from worker.bell import APPLY_CHANGES, Bell

LONGEST_WAIT = 60.0  # seconds, whatever Prefer asks for
_WAIT = re.compile(r"^wait=(\d{1,6})$")
_WIRE_STATUS = {ChangeStatus.FAILED: ChangeStatus.REJECTED}
_WIRE_KIND = {ChangeKind.ADD: ChangeKind.JOIN, ChangeKind.DEPART: ChangeKind.LEAVE}


class Intake:
    """Takes changes in; one for each process."""

    def __init__(self, database: Database, bell: Bell, outcomes: Outcomes, wait_seconds: float) -> None:
        self._outcomes, self._wait_seconds = outcomes, wait_seconds
        self._door = GroupCommit[Requested, "int | NotFound"](
            database, changes.accept, lambda: bell.ring(APPLY_CHANGES)
        )

    async def change(self, asked: Sequence[Requested], prefer: str = "") -> Response:
        """Make changes durable and answer: 200 once all are applied, 202 when not in time, or the first error."""
        seconds = patience(prefer, self._wait_seconds)
        ids = await asyncio.gather(*(self._accept(each) for each in asked))
        ended = (
            await asyncio.gather(*(self._outcomes.of(change_id, seconds) for change_id in ids)) if seconds else [None]
        )
        failures = (errors.of_change(each) for each in ended if each is not None)
        failure = next(filter(None, failures), None)
        if failure is not None:
            raise failure
        location = {"Operation-Location": f"/v1/{asked[-1].app_id}/changes/{wire_id(ids[-1])}"}
        if None in ended:
            return reply(pending(ids[-1], asked[-1]), 202, location)
        return reply({}, 200, location)

    async def close(self) -> None:
        """Wait for the commits under way."""
        await self._door.close()

    async def _accept(self, asked: Requested) -> int:
        accepted = await self._door.put(asked)
        if isinstance(accepted, NotFound):
            raise accepted
        return accepted


def patience(prefer: str, default: float) -> float:
    """How many seconds to wait, from a Prefer header (RFC 7240): respond-async, wait=N."""
    preferences = [part.strip().lower() for part in re.split("[,;]", prefer)]
    if "respond-async" in preferences:
        return 0.0
    waits = [int(match[1]) for match in map(_WAIT.match, preferences) if match]
    return min(waits[0], LONGEST_WAIT) if waits else default


def wire_id(change_id: int) -> str:
    """A change's id on the wire."""
    return f"chg_{change_id}"


def row_id(text: str) -> int:
    """The row's id; NotFound for what was never an id."""
    number = text.removeprefix("chg_")
    if number == text or not (number.isascii() and number.isdecimal()) or len(number) > 18:  # noqa: PLR2004  bigint
        raise NotFound({"changeId": [f"no change {text!r}"]})
    return int(number)


def pending(change_id: int, asked: Requested) -> Json:
    """A change that waits, on the wire."""
    return {
        "id": wire_id(change_id),
        "kind": _WIRE_KIND.get(asked.request.kind, asked.request.kind),
        "status": ChangeStatus.PENDING,
        "requestedAt": clock.millis(asked.at),
        "appliedAt": None,
    }


def shown(change: Change) -> Json:
    """A change of the log, on the wire."""
    status = ChangeStatus(change.status)
    return {
        "id": wire_id(change.id),
        "kind": _WIRE_KIND.get(ChangeKind(change.kind), change.kind),
        "conversationId": change.conversation_id,
        "userId": change.user_id,
        "status": _WIRE_STATUS.get(status, status),
        **({"errorCode": change.error_code} if change.error_code else {}),
        "requestedAt": clock.millis(change.requested_at),
        "appliedAt": clock.millis(change.applied_at) if change.applied_at else None,
    }
