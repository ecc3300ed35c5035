"""The breaker: after trouble nobody comes for a while, then one, then all."""

import pytest

from mailtalk.outbound import circuit_breaker
from mailtalk.outbound.circuit_breaker import FIRST, LONGEST, TRY, CircuitBreaker, CircuitState


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(circuit_breaker, "time", clock)
    return clock


def test_it_is_open_to_all_until_there_is_trouble(clock: Clock) -> None:
    it = CircuitBreaker()
    assert (it.state, it.enter(), it.enter()) == (CircuitState.CLOSED, 0, 0)


def test_after_trouble_nobody_then_one_then_all(clock: Clock) -> None:
    it = CircuitBreaker()
    assert it.trip(it.enter() or 0)
    assert (it.state, it.enter()) == (CircuitState.OPEN, None)
    clock.now += FIRST
    assert it.state is CircuitState.HALF_OPEN
    ticket = it.enter()
    assert ticket == 1
    assert (it.state, it.enter()) == (CircuitState.OPEN, None)
    assert it.close(ticket)
    assert (it.state, it.enter()) == (CircuitState.CLOSED, 0)


def test_the_trouble_of_many_at_once_is_one_trouble(clock: Clock) -> None:
    it = CircuitBreaker()
    tickets = [it.enter() or 0 for _ in range(8)]
    assert [it.trip(each) for each in tickets] == [True] + [False] * 7
    clock.now += FIRST
    assert it.state is CircuitState.HALF_OPEN


def test_who_came_before_the_trouble_does_not_end_it(clock: Clock) -> None:
    it = CircuitBreaker()
    first, second = it.enter(), it.enter()
    it.trip(first or 0)
    assert not it.close(second or 0)
    assert it.state is CircuitState.OPEN


def test_each_pause_is_longer_up_to_the_longest(clock: Clock) -> None:
    it, pauses = CircuitBreaker(), []
    for _ in range(12):
        ticket = it.enter()
        assert ticket is not None
        it.trip(ticket)
        start = clock.now
        while it.state is CircuitState.OPEN:
            clock.now += 1
        pauses.append(clock.now - start)
    assert pauses == [min(FIRST * 2**n, LONGEST) for n in range(12)]


def test_a_try_that_never_told_is_followed_by_another(clock: Clock) -> None:
    it = CircuitBreaker()
    it.trip(it.enter() or 0)
    clock.now += FIRST
    assert it.enter() == 1
    clock.now += TRY
    assert it.enter() == 1


def test_a_break_is_trouble_when_it_was_a_try_and_else_may_be_for_the_mail(clock: Clock) -> None:
    it = CircuitBreaker()
    it.suspect(it.enter() or 0)
    assert it.state is CircuitState.CLOSED
    it.trip(0)
    clock.now += FIRST
    it.suspect(it.enter() or 0)
    assert it.state is CircuitState.OPEN
    clock.now += 2 * FIRST
    assert it.state is CircuitState.HALF_OPEN
