"""The rules of join, update and leave: pure, one change at a time or folded over many."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from mailtalk.errors import ErrorCode
from mailtalk.vocabulary import Access, ChangeKind, EventType, Frequency, Notify, Sees


class Unset(Enum):
    """Says that a field is not given, where None means something."""

    UNSET = "unset"


UNSET = Unset.UNSET


@dataclass(frozen=True, slots=True)
class State:
    """A user's part in a conversation; `generation` counts the ends of its inbound addresses."""

    present: bool
    access: Access
    notify: Notify
    generation: int = 0
    mute_until: datetime | None = None
    sees: Sees = Sees.ALL
    frequency: Frequency = Frequency.DEFAULT

    @property
    def active(self) -> bool:
        """Whether the user counts as a participant: present, and not with access None."""
        return self.present and self.access is not Access.NONE

    @property
    def may_post(self) -> bool:
        """Whether the user may write, by API or by mail."""
        return self.present and self.access is Access.READ_WRITE


ABSENT = State(present=False, access=Access.READ_WRITE, notify=Notify.ALL, sees=Sees.NOTHING)


@dataclass(frozen=True, slots=True)
class Request:
    """A requested change; what is not given stays as it is (update) or gets its default (join)."""

    kind: ChangeKind
    access: Access | None = None
    notify: Notify | None = None
    mute_until: datetime | Unset | None = UNSET
    frequency: Frequency | None = None


class Forbidden(Exception):
    """A rule refuses the change."""

    def __init__(self, code: ErrorCode) -> None:
        super().__init__(code)
        self.code = code


def change(state: State, request: Request) -> State:
    """The state after one change; Forbidden when a rule refuses it. The limit is the conversation's: see `fold`."""
    after = _RULES[request.kind](state, request)
    if after.active:
        return replace(after, sees=Sees.ALL)  # a re-join shows the whole history
    ended = state.active and not after.active
    sees = _sees_after(state, request.kind)
    return replace(after, sees=sees, generation=state.generation + ended)


def _sees_after(state: State, kind: ChangeKind) -> Sees:
    """What somebody who is not active (any more) may read: access None and the old leave freeze the view."""
    if kind is ChangeKind.LEAVE:
        return Sees.NOTHING
    return Sees.FROZEN if state.active else state.sees


def _join(state: State, request: Request) -> State:
    # PUT always overwrites: a field that is not given goes back to its default (api.md, Participants).
    return replace(
        state,
        present=True,
        access=request.access or Access.READ_WRITE,
        notify=request.notify or Notify.ALL,
        mute_until=None if request.mute_until is UNSET else request.mute_until,
        frequency=request.frequency or Frequency.DEFAULT,
    )


def _add(state: State, request: Request) -> State:
    return state if state.present else _join(state, request)


def _update(state: State, request: Request) -> State:
    _require(present=state.present)
    return replace(
        state,
        access=request.access or state.access,
        notify=request.notify or state.notify,
        mute_until=state.mute_until if request.mute_until is UNSET else request.mute_until,
        frequency=request.frequency or state.frequency,
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


class Roster:
    """One conversation's participants under its lock: applies changes in order and holds the limit.

    `states` must hold everybody when a view may be frozen, else those whom the changes are about.
    """

    def __init__(
        self, states: Mapping[str, State], active: int, limit: int | None, known_users: Container[str]
    ) -> None:
        self.states = dict(states)
        self.touched: dict[str, None] = {}  # in order, and each once
        self.before: dict[str, State] = {}  # of those who are touched
        self.joined: set[str] = set()  # who came (back) in
        self.repaced: set[str] = set()  # who is to be mailed more or less often
        self.views: dict[str, Mapping[str, State]] = {}  # who took part when a user's view was frozen
        self._active = active
        self._limit = limit
        self._known = known_users

    def fold(self, requests: Iterable[tuple[str, Request]]) -> list[ErrorCode | None]:
        """Apply (user, request) in order; gives an error code, or None, for each."""
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
                return  # who never joined may leave
            raise Forbidden(ErrorCode.USER_NOT_FOUND)
        before = self.states.get(user_id, ABSENT)
        after = change(before, request)
        if after == before:
            return
        self._count(after.active - before.active)
        if after.present and not before.present:
            self.joined.add(user_id)
        if after.frequency is not before.frequency:
            self.repaced.add(user_id)
        if after.sees is Sees.FROZEN and before.sees is not Sees.FROZEN:
            self.views[user_id] = {name: state for name, state in self.states.items() if state.active}
        self.before.setdefault(user_id, before)
        self.states[user_id] = after
        self.touched[user_id] = None

    def _count(self, entered: int) -> None:
        if entered > 0 and self._limit is not None and self._active >= self._limit:
            raise Forbidden(ErrorCode.PARTICIPANT_LIMIT)
        self._active += entered


def told(before: State, after: State) -> EventType | None:
    """What a change is to others; None when it changed nothing that they know."""
    if before.active != after.active:
        return EventType.PARTICIPANT_JOINED if after.active else EventType.PARTICIPANT_LEFT
    changed = replace(before, generation=after.generation, sees=after.sees) != after
    return EventType.PARTICIPANT_UPDATED if after.active and changed else None


def may_freeze(request: Request) -> bool:
    """Whether the change may freeze a view, so that all participants are needed to apply it."""
    return request.kind is ChangeKind.DEPART or request.access is Access.NONE
