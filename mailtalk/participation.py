"""The rules of join, update and leave: pure, one change at a time or folded over many."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace

from mailtalk.vocabulary import Access, ChangeKind, Notify

LIMIT = "PARTICIPANT_LIMIT"
UNKNOWN_USER = "USER_NOT_FOUND"
NOT_PARTICIPANT = "PARTICIPANT_NOT_FOUND"


@dataclass(frozen=True, slots=True)
class State:
    """A user's part in a conversation; `generation` counts the ends of access and so the dead addresses."""

    present: bool
    access: Access
    notify: Notify
    generation: int = 0

    @property
    def active(self) -> bool:
        """Whether the user counts as a participant: present, and not with access None."""
        return self.present and self.access is not Access.NONE

    @property
    def may_post(self) -> bool:
        """Whether the user may write, by API or by mail."""
        return self.present and self.access is Access.READ_WRITE


ABSENT = State(present=False, access=Access.READ_WRITE, notify=Notify.ALL)


@dataclass(frozen=True, slots=True)
class Request:
    """A requested change; None leaves a field as it is (update) or at its default (join)."""

    kind: ChangeKind
    access: Access | None = None
    notify: Notify | None = None


class Forbidden(Exception):
    """A rule refuses the change; the text is its error code."""


def change(state: State, request: Request) -> State:
    """The state after one change; Forbidden when a rule refuses it. The limit is the conversation's: see `fold`."""
    after = _RULES[request.kind](state, request)
    ended = state.active and not after.active
    return replace(after, generation=state.generation + 1) if ended else after


def _join(state: State, request: Request) -> State:
    # PUT always overwrites: a field that is not given goes back to its default (api.md, Participants).
    return replace(state, present=True, access=request.access or Access.READ_WRITE, notify=request.notify or Notify.ALL)


def _add(state: State, request: Request) -> State:
    return state if state.present else _join(state, request)


def _update(state: State, request: Request) -> State:
    if not state.present:
        raise Forbidden(NOT_PARTICIPANT)
    return replace(state, access=request.access or state.access, notify=request.notify or state.notify)


def _leave(state: State, _request: Request) -> State:
    return replace(state, present=False)


_RULES = {
    ChangeKind.JOIN: _join,
    ChangeKind.ADD: _add,
    ChangeKind.UPDATE: _update,
    ChangeKind.LEAVE: _leave,
}


class Roster:
    """One conversation's participants under its lock: applies changes in order and holds the limit."""

    def __init__(
        self, states: Mapping[str, State], active: int, limit: int | None, known_users: Container[str]
    ) -> None:
        self.states = dict(states)
        self.touched: dict[str, None] = {}  # in order, and each once
        self._active = active
        self._limit = limit
        self._known = known_users

    def fold(self, requests: Iterable[tuple[str, Request]]) -> list[str | None]:
        """Apply (user, request) in order; gives an error code, or None, for each."""
        return [self._one(user_id, request) for user_id, request in requests]

    def _one(self, user_id: str, request: Request) -> str | None:
        try:
            self._apply(user_id, request)
        except Forbidden as refusal:
            return str(refusal)
        return None

    def _apply(self, user_id: str, request: Request) -> None:
        if user_id not in self._known:
            if request.kind is ChangeKind.LEAVE:
                return  # who never joined may leave
            raise Forbidden(UNKNOWN_USER)
        before = self.states.get(user_id, ABSENT)
        after = change(before, request)
        entered = after.active - before.active
        if entered > 0 and self._limit is not None and self._active >= self._limit:
            raise Forbidden(LIMIT)
        self._active += entered
        if after != before:
            self.states[user_id] = after
            self.touched[user_id] = None
