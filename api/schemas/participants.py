"""Participants: bodies of changes, and the participant in answers."""

from datetime import MAXYEAR, MINYEAR, UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from api.schemas.types import ID_LENGTH, Id, Moment, Timestamp, maybe_millis, moment
from mailtalk import clock
from mailtalk.conversations.read_marks import ReadMark
from mailtalk.errors import Invalid
from mailtalk.events.schemas import Millis, Notify
from mailtalk.events.serializers import notify
from mailtalk.models import Participation
from mailtalk.participation.rules import Request, Unset
from mailtalk.vocabulary import Access, ChangeKind, Frequency
from mailtalk.vocabulary import Notify as NotifyValue

MOST_ACTIONS = 1_000
MuteUntil = Annotated[datetime, Meta(tz=True, description="No mails until then.")]
ActionId = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | Annotated[str, Meta(max_length=ID_LENGTH)]
_NOTIFY = {True: NotifyValue.ALL, False: NotifyValue.OFF, "MentionsOnly": NotifyValue.MENTIONS_ONLY}


class NewParticipant(msgspec.Struct, rename="camel"):
    """Settings of a user who joins. Absent ones get their defaults: `ReadWrite`, `true`, not muted, `default`."""

    notify: Notify | UnsetType | None = UNSET
    access: Literal["ReadWrite", "Read"] | UnsetType | None = UNSET
    mute_until: MuteUntil | UnsetType | None = UNSET
    frequency: Frequency | UnsetType | None = UNSET


class ParticipantUpdate(msgspec.Struct, rename="camel"):
    """Fields of a participant to change; an absent one is unchanged."""

    notify: Notify | UnsetType | None = UNSET
    access: Access | UnsetType | None = UNSET
    mute_until: MuteUntil | UnsetType | None = UNSET
    frequency: Frequency | UnsetType | None = UNSET
    read_until: Annotated[Timestamp, Meta(description="Marks everything up to then as read.")] | UnsetType | None = (
        UNSET
    )


class Participant(msgspec.Struct, rename="camel", kw_only=True):
    """A participant; in a list with the user's id."""

    id: str | UnsetType = UNSET
    access: Access
    notify: Notify
    mute_until: Moment | None
    frequency: Frequency
    joined_at: Millis
    is_unread: bool
    read_until: Annotated[Millis, Meta(description="Everything up to then is read.")] | None

    @classmethod
    def of(cls, row: Participation, now: datetime, mark: ReadMark, user_id: str | UnsetType = UNSET) -> "Participant":
        """Convert a participation and its read state; `mute_until` is null once it has passed."""
        return cls(
            id=user_id,
            access=Access(row.access),
            notify=notify(row.notify),
            mute_until=clock.iso(row.mute_until) if row.mute_until and row.mute_until > now else None,
            frequency=Frequency(row.frequency),
            joined_at=clock.millis(row.joined_at),
            is_unread=mark.is_unread,
            read_until=maybe_millis(mark.until),
        )


class InboundAddress(msgspec.Struct, rename="camel"):
    """The secret address of a participant."""

    email_address: str


class JoinParams(NewParticipant, kw_only=True, rename="camel"):
    """User who joins, and their settings."""

    user_id: Id


class UpdateParams(ParticipantUpdate, kw_only=True, rename="camel"):
    """User who is updated, and the fields to change."""

    user_id: Id


class LeaveParams(msgspec.Struct, rename="camel"):
    """User who leaves."""

    user_id: Id


class JoinAction(msgspec.Struct, tag_field="method", tag="PUT"):
    """An action that joins."""

    id: ActionId
    params: JoinParams


class UpdateAction(msgspec.Struct, tag_field="method", tag="PATCH"):
    """An action that updates."""

    id: ActionId
    params: UpdateParams


class LeaveAction(msgspec.Struct, tag_field="method", tag="DELETE"):
    """An action that leaves."""

    id: ActionId
    params: LeaveParams


Action = JoinAction | UpdateAction | LeaveAction


class ParticipantActions(msgspec.Struct):
    """Changes of many participants."""

    actions: Annotated[list[Action], Meta(max_length=MOST_ACTIONS)]


class ActionResult(msgspec.Struct, rename="camel", kw_only=True):
    """The result of one action, with the status and error a single request would have got."""

    id: int | str | None
    status: int
    change_id: str | UnsetType = UNSET
    error_code: str | UnsetType = UNSET
    reasons: dict[str, list[str]] | list[str] | UnsetType = UNSET


class ActionResults(msgspec.Struct):
    """The results, in the order of the actions."""

    responses: list[ActionResult]


def change(kind: ChangeKind, body: NewParticipant | ParticipantUpdate) -> Request:
    """Convert a body to a change of participation."""
    return Request(
        kind,
        Access(body.access) if body.access else None,
        None if body.notify in {UNSET, None} else _NOTIFY[body.notify],
        _mute_until(body.mute_until),
        body.frequency or None,
    )


def read_moment(body: ParticipantUpdate) -> datetime | None:
    """Moment up to which an update marks as read; None if it does not."""
    return moment("readUntil", body.read_until) if isinstance(body.read_until, int) else None


def _mute_until(value: datetime | UnsetType | None) -> Any:
    if value is UNSET:
        return Unset.UNSET
    if value is not None and not MINYEAR < value.year < MAXYEAR:  # in UTC it could be year 0 or 10000
        raise Invalid({"muteUntil": [f"must be in the years {MINYEAR + 1} to {MAXYEAR - 1}"]})
    return value and value.astimezone(UTC)
