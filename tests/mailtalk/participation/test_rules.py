"""The rules of join, update and leave, alone and folded."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtalk.participation.rules import ABSENT, Fold, Forbidden, Request, State, change
from mailtalk.vocabulary import Access, Actor, ChangeKind, Choice, Frequency, Notify, Sees

RW, RO, NONE = Access.READ_WRITE, Access.READ, Access.NONE
ALL, MENTIONS, OFF = Notify.ALL, Notify.MENTIONS_ONLY, Notify.OFF
JOIN, ADD, UPDATE = ChangeKind.JOIN, ChangeKind.ADD, ChangeKind.UPDATE
LEAVE, DEPART, ROTATE = ChangeKind.LEAVE, ChangeKind.DEPART, ChangeKind.ROTATE
LATER = datetime(2026, 1, 2, tzinfo=UTC)
USERS = ("alice", "bob", "carol", "dave")

requests = st.builds(
    Request,
    st.sampled_from((JOIN, ADD, UPDATE, LEAVE, DEPART, ROTATE)),
    st.none() | st.sampled_from(Access),
    st.none() | st.sampled_from(Notify),
)
steps = st.lists(st.tuples(st.sampled_from((*USERS, "nobody")), requests), max_size=40)


def here(access: Access = RW, notify: Notify = ALL, generation: int = 0) -> State:
    return State(True, access, notify, generation, sees=Sees.FROZEN if access is NONE else Sees.ALL)


def gone(access: Access = RW, notify: Notify = ALL, generation: int = 0, sees: Sees = Sees.NOTHING) -> State:
    return State(False, access, notify, generation, sees=sees)


@pytest.mark.parametrize(
    ("before", "request_", "after"),
    [
        (ABSENT, Request(JOIN), here()),
        (ABSENT, Request(JOIN, RO, MENTIONS), here(RO, MENTIONS)),
        (here(RO, OFF), Request(JOIN), here()),
        (here(RO, OFF), Request(JOIN, RO), here(RO, ALL)),
        (here(RW, OFF), Request(JOIN, notify=MENTIONS), here(RW, MENTIONS)),
        (here(NONE, OFF, 3), Request(JOIN), here(generation=3)),
        (gone(RO, OFF, 3), Request(JOIN), here(generation=3)),
        (ABSENT, Request(ADD), here()),
        (here(RO, OFF), Request(ADD), here(RO, OFF)),
        (here(NONE, OFF, 1), Request(ADD), here(NONE, OFF, 1)),
        (gone(RO, OFF, 2), Request(ADD), here(generation=2)),
        (here(RO, MENTIONS), Request(UPDATE), here(RO, MENTIONS)),
        (here(RO, MENTIONS), Request(UPDATE, notify=OFF), here(RO, OFF)),
        (here(RW, MENTIONS), Request(UPDATE, RO), here(RO, MENTIONS)),
        (here(RW, MENTIONS), Request(UPDATE, NONE), here(NONE, MENTIONS, 1)),
        (here(NONE, MENTIONS, 1), Request(UPDATE, RW), here(RW, MENTIONS, 1)),
        (here(NONE, ALL, 1), Request(UPDATE, NONE), here(NONE, ALL, 1)),
        (here(RO, MENTIONS, 4), Request(LEAVE), gone(RO, MENTIONS, 5)),
        (here(NONE, ALL, 4), Request(LEAVE), gone(NONE, ALL, 4)),
        (gone(RO, MENTIONS, 5), Request(LEAVE), gone(RO, MENTIONS, 5)),
        (ABSENT, Request(LEAVE), ABSENT),
        (here(RO, MENTIONS, 4), Request(DEPART), gone(RO, MENTIONS, 5, Sees.FROZEN)),
        (here(NONE, ALL, 4), Request(DEPART), gone(NONE, ALL, 4, Sees.FROZEN)),
        (gone(RO, ALL, 5, Sees.FROZEN), Request(DEPART), gone(RO, ALL, 5, Sees.FROZEN)),
        (ABSENT, Request(DEPART), ABSENT),
        (here(RW, OFF, 4), Request(ROTATE), here(RW, OFF, 5)),
    ],
)
def test_each_rule(before: State, request_: Request, after: State) -> None:
    assert change(before, request_) == after


@pytest.mark.parametrize(
    ("before", "kind"),
    [
        (ABSENT, UPDATE),
        (gone(RO, OFF, 2), UPDATE),
        (ABSENT, ROTATE),
        (gone(), ROTATE),
        (here(RO), ROTATE),
        (here(NONE), ROTATE),
    ],
)
def test_who_is_absent_or_has_no_address_is_not_found(before: State, kind: ChangeKind) -> None:
    with pytest.raises(Forbidden, match="PARTICIPANT_NOT_FOUND"):
        change(before, Request(kind))


@pytest.mark.parametrize(
    ("state", "active", "may_post"),
    [(here(), True, True), (here(RO), True, False), (here(NONE), False, False), (gone(), False, False)],
)
def test_who_takes_part_and_who_may_write(state: State, active: bool, may_post: bool) -> None:
    assert (state.takes_part, state.may_post) == (active, may_post)


def test_the_limit_counts_who_takes_part_and_leaving_makes_room() -> None:
    fold = Fold({}, 0, 2, set(USERS))
    errors = fold.apply(
        [
            ("alice", Request(JOIN)),
            ("bob", Request(JOIN)),
            ("carol", Request(JOIN)),
            ("alice", Request(JOIN, RO)),
            ("bob", Request(UPDATE, NONE)),
            ("carol", Request(ADD)),
            ("bob", Request(UPDATE, RO)),
            ("carol", Request(LEAVE)),
            ("bob", Request(UPDATE, RO)),
        ]
    )
    full = "PARTICIPANT_LIMIT"
    assert errors == [None, None, full, None, None, None, full, None, None]


def test_a_limit_lowered_below_what_is_there_lets_nobody_in_and_puts_nobody_out() -> None:
    fold = Fold({"alice": here(), "bob": here()}, 2, 1, set(USERS))
    assert fold.apply([("carol", Request(JOIN)), ("alice", Request(JOIN, RO))]) == ["PARTICIPANT_LIMIT", None]
    assert fold.states["alice"] == here(RO)


def test_an_unknown_user_may_leave_and_nothing_else() -> None:
    fold = Fold({}, 0, None, set(USERS))
    errors = fold.apply([("nobody", Request(kind)) for kind in (JOIN, ADD, UPDATE, ROTATE, LEAVE, DEPART)])
    assert errors == ["USER_NOT_FOUND"] * 4 + [None, None]
    assert not fold.users


def test_what_does_not_change_is_not_written() -> None:
    fold = Fold({"alice": here()}, 1, None, set(USERS))
    fold.apply([("alice", Request(JOIN)), ("bob", Request(LEAVE))])
    assert not fold.users


def test_a_view_that_was_frozen_and_ended_within_one_fold_is_not_kept() -> None:
    fold = Fold({"alice": here()}, 1, None, set(USERS))
    fold.apply([("alice", Request(UPDATE, NONE)), ("alice", Request(JOIN))])
    assert fold.users["alice"].view is None
    fold.apply([("alice", Request(UPDATE, NONE))])
    assert fold.users["alice"].view == {"alice": here(generation=1)}


def choose(state: State, **settings: Any) -> State:
    return change(state, Request(UPDATE, by=Actor.PARTICIPANT, **settings))


@pytest.mark.parametrize(
    "resync",
    [
        [Request(JOIN)],
        [Request(JOIN, RO)],
        [Request(ADD)],
        [Request(LEAVE), Request(JOIN)],
        [Request(DEPART), Request(ADD)],
        [Request(UPDATE, NONE), Request(JOIN)],
        [Request(JOIN, by=Actor.OPERATOR)],
    ],
)
def test_what_a_participant_chose_outlives_a_resync(resync: list[Request]) -> None:
    state = choose(here(), notify=OFF, mute_until=LATER, frequency=Frequency.DAILY)
    for request in resync:
        state = change(state, request)
    assert (state.notify, state.mute_until, state.frequency) == (OFF, LATER, Frequency.DAILY)


@pytest.mark.parametrize("by", [Actor.BACKEND, Actor.OPERATOR])
def test_a_field_that_is_named_is_set_and_no_choice_any_more(by: Actor) -> None:
    state = choose(here(), notify=OFF, frequency=Frequency.DAILY)
    state = change(state, Request(JOIN, notify=MENTIONS, by=by))
    assert (state.notify, state.frequency, state.chosen) == (MENTIONS, Frequency.DAILY, {Choice.FREQUENCY})
    assert change(state, Request(JOIN)).notify is ALL


def test_what_a_backend_set_goes_back_to_its_default() -> None:
    state = change(here(), Request(UPDATE, notify=OFF, mute_until=LATER, frequency=Frequency.DAILY))
    assert change(state, Request(JOIN)) == here()


@given(st.lists(requests, max_size=20), st.sampled_from(Notify), st.lists(requests, max_size=20))
def test_the_last_who_named_a_field_decides(before: list[Request], chosen: Notify, after: list[Request]) -> None:
    fold = Fold({}, 0, None, {"bob"})
    fold.apply(("bob", request) for request in [*before, Request(ADD)])
    fold.apply([("bob", Request(UPDATE, notify=chosen, by=Actor.PARTICIPANT))])
    for request in after:
        fold.apply([("bob", request)])
        if Choice.NOTIFY not in fold.states["bob"].chosen:
            assert request.notify is fold.states["bob"].notify
            return
        assert fold.states["bob"].notify is chosen


class Model:
    """The rules of api.md once more, as plainly as they can be said."""

    def __init__(self, limit: int | None) -> None:
        self.limit = limit
        self.people: dict[str, tuple[Access, Notify]] = {}

    def do(self, user: str, request: Request) -> str | None:
        there = self.people.get(user)
        if request.kind in {LEAVE, DEPART}:
            self.people.pop(user, None)
            return None
        if user == "nobody":
            return "USER_NOT_FOUND"
        if request.kind is UPDATE and there is None:
            return "PARTICIPANT_NOT_FOUND"
        if request.kind is ROTATE:
            return None if there and there[0] is RW else "PARTICIPANT_NOT_FOUND"
        if request.kind is ADD and there is not None:
            return None
        access, notify = there if request.kind is UPDATE and there else (RW, ALL)
        return self._set(user, request.access or access, request.notify or notify)

    def _set(self, user: str, access: Access, notify: Notify) -> str | None:
        others = sum(1 for name, (theirs, _) in self.people.items() if theirs is not NONE and name != user)
        was_in = user in self.people and self.people[user][0] is not NONE
        if access is not NONE and not was_in and self.limit is not None and others >= self.limit:
            return "PARTICIPANT_LIMIT"
        self.people[user] = (access, notify)
        return None


@given(steps, st.none() | st.integers(0, 3), st.integers(0, 40))
def test_the_fold_does_what_a_plain_model_does_however_it_is_cut(
    done: list[tuple[str, Request]], limit: int | None, cut: int
) -> None:
    model = Model(limit)
    expected = [model.do(user, request) for user, request in done]
    first = Fold({}, 0, limit, set(USERS))
    errors = first.apply(done[:cut])
    active = sum(state.takes_part for state in first.states.values())
    second = Fold(first.states, active, limit, set(USERS))
    assert errors + second.apply(done[cut:]) == expected
    present = {user: (state.access, state.notify) for user, state in second.states.items() if state.present}
    assert present == model.people


@given(steps, st.integers(0, 3))
def test_the_limit_is_never_passed(done: list[tuple[str, Request]], limit: int) -> None:
    fold = Fold({}, 0, limit, set(USERS))
    for step in done:
        fold.apply([step])
        assert sum(state.takes_part for state in fold.states.values()) <= limit


@given(steps)
def test_the_generation_never_goes_back_and_moves_whenever_access_ends(done: list[tuple[str, Request]]) -> None:
    fold = Fold({}, 0, None, set(USERS))
    for user, request in done:
        before = fold.states.get(user, ABSENT)
        fold.apply([(user, request)])
        after = fold.states.get(user, ABSENT)
        rotated = request.kind is ROTATE and before.may_post and user != "nobody"
        assert after.generation == before.generation + (rotated or (before.takes_part and not after.takes_part))
