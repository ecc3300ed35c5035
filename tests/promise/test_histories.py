"""The checker itself: it must find what it is there to find."""

from typing import Any

import pytest
from histories import Call, Violation, check
from model import Model, Operation

PUT, PATCH, DELETE = (Operation(method, "alice") for method in ("PUT", "PATCH", "DELETE"))


def change(seq: int, code: str | None = None) -> dict[str, Any]:
    return {"appliedSeq": seq} | ({"errorCode": code} if code else {})


def verify(calls: list[Call], changes: dict[str, dict[str, Any]], limit: int | None = None) -> Model:
    model = Model(limit, ["alice", "bob"])
    check(calls, changes, model)
    return model


def test_concurrent_calls_may_take_either_order() -> None:
    calls = [Call(PUT, 0, 3, 200, "a"), Call(DELETE, 1, 2, 200, "b")]
    assert verify(calls, {"a": change(1), "b": change(2)}).active == frozenset()
    assert verify(calls, {"a": change(2), "b": change(1)}).active == {"alice"}


def test_a_call_before_one_that_was_acknowledged_first_is_found() -> None:
    calls = [Call(PUT, 0, 1, 200, "a"), Call(DELETE, 2, 3, 200, "b")]
    with pytest.raises(Violation, match="acknowledged before"):
        verify(calls, {"a": change(2), "b": change(1)})


def test_it_is_found_over_a_call_between_them_too() -> None:
    calls = [Call(PUT, 0, 1, 200, "a"), Call(DELETE, 2, 3, 200, "b"), Call(PUT, 0, 9, 200, "c")]
    with pytest.raises(Violation, match="acknowledged before"):
        verify(calls, {"b": change(1), "c": change(2), "a": change(3)})


@pytest.mark.parametrize(
    ("calls", "changes", "complaint"),
    [
        ([Call(PUT, 0, 1, 200, "a")], {}, "exactly"),
        ([], {"a": change(1)}, "exactly"),
        ([Call(PUT, 0, 1, 200, "a")], {"a": change(2)}, "place"),
        ([Call(PUT, 0, 1, 200, "a"), Call(PUT, 0, 1, 200, "b")], {"a": change(1), "b": change(1)}, "place"),
        ([Call(PATCH, 0, 1, 200, "a")], {"a": change(1)}, "a replay 404"),
        ([Call(PATCH, 0, 1, 200, "a")], {"a": change(1, "PARTICIPANT_NOT_FOUND")}, "told otherwise"),
        ([Call(PUT, 0, 1, 409, "a")], {"a": change(1, "PARTICIPANT_LIMIT")}, "a replay 200"),
    ],
)
def test_what_is_lost_doubled_or_answered_wrongly_is_found(
    calls: list[Call], changes: dict[str, dict[str, Any]], complaint: str
) -> None:
    with pytest.raises(Violation, match=complaint):
        verify(calls, changes)


def test_a_join_over_the_limit_is_found() -> None:
    calls = [Call(PUT, 0, 9, 200, "a"), Call(Operation("PUT", "bob"), 0, 9, 200, "b")]
    with pytest.raises(Violation, match="a replay 409"):
        verify(calls, {"a": change(1), "b": change(2)}, limit=1)
