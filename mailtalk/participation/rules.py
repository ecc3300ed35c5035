"""Rules of join, update and leave: pure; for one change, or a conversation's changes folded in order."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from mailtalk.errors import ErrorCode
from mailtalk.vocabulary import Access, Actor, ChangeKind, Choice, EventType, Frequency, Notify, Sees


class Unset(Enum):
    """Marker of a field that is not given, for fields in which None is a value."""

    UNSET = "unset"


UNSET = Unset.UNSET


@dataclass(frozen=True, slots=True)
class State:
    """Participation; `generation` counts the rotations of its addresses, `chosen` are the participant's own choices."""

    present: bool
    access: Access
    notify: Notify
    generation: int = 0
    mute_until: datetime | None = None
    sees: Sees = Sees.ALL
    frequency: Frequency = Frequency.DEFAULT
    chosen: frozenset[Choice] = frozenset()

    @property
    def takes_part(self) -> bool:
        """True for participants; False after leaving and with access None."""
        return self.present and self.access is not Access.NONE

    @property
    def may_post(self) -> bool:
        """True if the user may write, by API or by mail."""
        return self.present and self.access is Access.READ_WRITE


ABSENT = State(present=False, access=Access.READ_WRITE, notify=Notify.ALL, sees=Sees.NOTHING)


@dataclass(frozen=True, slots=True)
class Request:
    """Requested change; a field that is not given stays as it is (update) or gets its default (join)."""

    kind: ChangeKind
    access: Access | None = None
    notify: Notify | None = None
    mute_until: datetime | Unset | None = UNSET
    frequency: Frequency | None = None
    by: Actor = Actor.BACKEND

    @property
    def settings(self) -> frozenset[Choice]:
        """Settings that are given."""
        given = (
            (Choice.NOTIFY, self.notify is not None),
            (Choice.MUTE, self.mute_until is not UNSET),
            (Choice.FREQUENCY, self.frequency is not None),
        )
        return frozenset(choice for choice, is_given in given if is_given)


class Forbidden(Exception):
    """A rule refuses the change."""

    def __init__(self, code: ErrorCode) -> None:
        super().__init__(code)
        self.code = code


def change(state: State, request: Request) -> State:
    """State after one change; Forbidden if a rule refuses it. The participant limit is checked by the fold."""
    after = _RULES[request.kind](state, request)
    if after.takes_part:  # a re-join shows the whole history
        return after if after.sees is Sees.ALL else replace(after, sees=Sees.ALL)
    sees = _sees_after(state, request.kind)
    return replace(after, sees=sees, generation=state.generation + state.takes_part)


def _sees_after(state: State, kind: ChangeKind) -> Sees:
    """Visibility after leaving or access None, which freeze the view; only LEAVE, of newer API versions, ends it."""
    if kind is ChangeKind.LEAVE:
        return Sees.NOTHING
    return Sees.FROZEN if state.takes_part else state.sees


def _join(state: State, request: Request) -> State:
    """Join or overwrite: a field that is not given gets its default, unless the participant chose its value."""
    chosen = state.chosen
    defaults = State(
        present=True,
        access=Access.READ_WRITE,
        notify=state.notify if Choice.NOTIFY in chosen else Notify.ALL,
        generation=state.generation,
        mute_until=state.mute_until if Choice.MUTE in chosen else None,
        sees=state.sees,
        frequency=state.frequency if Choice.FREQUENCY in chosen else Frequency.DEFAULT,
        chosen=chosen,
    )
    return _set(defaults, request)


def _add(state: State, request: Request) -> State:
    return state if state.present else _join(state, request)


def _update(state: State, request: Request) -> State:
    _require(present=state.present)
    return _set(state, request)


def _set(state: State, request: Request) -> State:
    """Set the given fields; they become the participant's choices if the participant asks, else they stop being so."""
    own = request.by is Actor.PARTICIPANT
    return State(
        present=state.present,
        access=request.access or state.access,
        notify=request.notify or state.notify,
        generation=state.generation,
        mute_until=state.mute_until if request.mute_until is UNSET else request.mute_until,
        sees=state.sees,
        frequency=request.frequency or state.frequency,
        chosen=state.chosen | request.settings if own else state.chosen - request.settings,
    )


def _leave(state: State, _request: Request) -> State:
    return replace(state, present=False)


def _rotate(state: State, _request: Request) -> State:
    _require(present=state.may_post)
    return replace(state, generation=state.generation + 1)


def _require(*, present: bool) -> None:
    if not present:
        raise Forbidden(ErrorCode.PARTICIPANT_NOT_FOUND)


_RULES = {
    ChangeKind.JOIN: _join,
    ChangeKind.ADD: _add,
    ChangeKind.UPDATE: _update,
    ChangeKind.LEAVE: _leave,
    ChangeKind.DEPART: _leave,
    ChangeKind.ROTATE: _rotate,
}


LEAVING = frozenset({ChangeKind.LEAVE, ChangeKind.DEPART})


@dataclass(slots=True)
class Folded:
    """Changed participation of a user: the state before and after, and the events between."""

    before: State
    state: State
    by: Actor  # who requested the last change
    joined: bool = False
    repaced: bool = False  # the frequency changed
    view: Mapping[str, State] | None = None  # participants of the view, if it was frozen and still is


class Fold:
    """A conversation's changes, applied in order under its lock and within its participant limit.

    `states` must hold all participants if a view may be frozen, else the users of the changes.
    """

    def __init__(
        self, states: Mapping[str, State], active: int, limit: int | None, known_users: Container[str]
    ) -> None:
        self.states = dict(states)
        self.users: dict[str, Folded] = {}  # changed users, in order
        self._active = active
        self._limit = limit
        self._known = known_users

    def apply(self, requests: Iterable[tuple[str, Request]]) -> list[ErrorCode | None]:
        """Apply (user, request) in order; returns an error code or None for each."""
        return [self._one(user_id, request) for user_id, request in requests]

    def _one(self, user_id: str, request: Request) -> ErrorCode | None:
        try:
            self._apply(user_id, request)
        except Forbidden as refusal:
            return refusal.code
        return None

    def _apply(self, user_id: str, request: Request) -> None:
        if user_id not in self._known:
            if request.kind in LEAVING:
                return  # leaving is idempotent, even for an unknown user
            raise Forbidden(ErrorCode.USER_NOT_FOUND)
        before = self.states.get(user_id, ABSENT)
        after = change(before, request)
        if after == before:
            return
        self._count(after.takes_part - before.takes_part)
        self._keep(user_id, before, after, request.by)
        self.states[user_id] = after

    def _count(self, entered: int) -> None:
        if entered > 0 and self._limit is not None and self._active >= self._limit:
            raise Forbidden(ErrorCode.PARTICIPANT_LIMIT)
        self._active += entered

    def _keep(self, user_id: str, before: State, after: State, by: Actor) -> None:
        folded = self.users.setdefault(user_id, Folded(before, after, by))
        folded.state, folded.by = after, by
        folded.joined |= after.present and not before.present
        folded.repaced |= after.frequency is not before.frequency
        if after.sees is not Sees.FROZEN:
            folded.view = None
        elif before.sees is not Sees.FROZEN:
            folded.view = {name: state for name, state in self.states.items() if state.takes_part}


def event_of(before: State, after: State) -> EventType | None:
    """Event type for a change; None if other users see no difference."""
    if before.takes_part != after.takes_part:
        return EventType.PARTICIPANT_JOINED if after.takes_part else EventType.PARTICIPANT_LEFT
    unseen = replace(before, generation=after.generation, sees=after.sees, chosen=after.chosen)
    return EventType.PARTICIPANT_UPDATED if after.takes_part and unseen != after else None


def may_freeze(request: Request) -> bool:
    """True if the change may freeze a view; then the fold needs all participants."""
    return request.kind is ChangeKind.DEPART or request.access is Access.NONE
