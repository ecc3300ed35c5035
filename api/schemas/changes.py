"""Changes of participation: pending ones, and those in the log."""

from datetime import datetime
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from api.schemas.types import Moment, maybe_millis
from mailtalk import clock
from mailtalk.changes.log import Requested
from mailtalk.events.schemas import Millis, Notify
from mailtalk.events.serializers import notify
from mailtalk.ids import CHANGE
from mailtalk.models import Change as ChangeRow
from mailtalk.vocabulary import Access, Actor, ChangeKind, ChangeStatus, Frequency

Kind = Literal["join", "update", "leave", "rotate"]
Status = Literal["pending", "applied", "rejected"]
_KIND: dict[str, Kind] = {
    ChangeKind.JOIN: "join",
    ChangeKind.ADD: "join",
    ChangeKind.UPDATE: "update",
    ChangeKind.LEAVE: "leave",
    ChangeKind.DEPART: "leave",
    ChangeKind.ROTATE: "rotate",
}
_STATUS: dict[str, Status] = {
    ChangeStatus.PENDING: "pending",
    ChangeStatus.APPLIED: "applied",
    ChangeStatus.REJECTED: "rejected",
    ChangeStatus.FAILED: "rejected",
}


class Change(msgspec.Struct, rename="camel", kw_only=True):
    """A change of participation. In the log with the requested settings and `appliedSeq`, its place in the order."""

    id: str
    kind: Kind
    conversation_id: str
    user_id: str
    status: Status
    error_code: str | UnsetType = UNSET
    by: Actor
    requested_at: Millis
    applied_at: Millis | None
    applied_seq: int | UnsetType | None = UNSET
    access: Access | UnsetType = UNSET
    notify: Notify | UnsetType = UNSET
    mute_until: Moment | UnsetType | None = UNSET
    frequency: Frequency | UnsetType = UNSET

    @classmethod
    def pending(cls, change_id: int, requested: Requested) -> "Change":
        """Accepted change, not known to be applied."""
        return cls(
            id=CHANGE.show(change_id),
            kind=_KIND[requested.request.kind],
            conversation_id=requested.participant.conversation.id,
            user_id=requested.participant.user_id,
            status="pending",
            by=requested.request.by,
            requested_at=clock.millis(requested.at),
            applied_at=None,
        )

    @classmethod
    def of(cls, row: ChangeRow) -> "Change":
        """Convert a change's row, without the requested settings."""
        return cls(
            id=CHANGE.show(row.id),
            kind=_KIND[row.kind],
            conversation_id=row.conversation_id,
            user_id=row.user_id,
            status=_STATUS[row.status],
            error_code=row.error_code or UNSET,
            by=Actor(row.requested_by),
            requested_at=clock.millis(row.requested_at),
            applied_at=maybe_millis(row.applied_at),
        )

    @classmethod
    def logged(cls, row: ChangeRow) -> "Change":
        """Convert a change's row, with its place in the order and the requested settings."""
        change = cls.of(row)
        change.applied_seq = row.applied_seq
        change.access = Access(row.access) if row.access else UNSET
        change.notify = notify(row.notify) if row.notify else UNSET
        change.mute_until = _iso(row.mute_until) if row.mute_given else UNSET
        change.frequency = Frequency(row.frequency) if row.frequency else UNSET
        return change


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else clock.iso(moment)
