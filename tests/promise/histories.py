"""A recorded history, and whether some one order explains it: the log's, which must respect real time."""

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
from model import NEW, OLD, Model, Operation

STATUS = {None: 200, "PARTICIPANT_LIMIT": 409, "PARTICIPANT_NOT_FOUND": 404}
PAGE = 100


class Violation(AssertionError):
    """The history breaks the order promise."""


@dataclass(frozen=True)
class Call:
    """A request as its client saw it: when it was sent, when its answer came, and what that was."""

    asked: Operation
    invoked: float
    returned: float
    status: int
    change: str


def send(http: httpx.Client, conversation: str, asked: Operation, **headers: str) -> httpx.Response:
    """Send the request of an operation."""
    place = f"/conversations/{conversation}"
    headers["TalkJS-REST-Version"] = asked.version
    if asked.method == "ADD":
        return http.put(place, json={"participants": [asked.user]}, headers=headers)
    path = f"{place}/participants/{asked.user}"
    if asked.method == "ROTATE":
        return http.post(path + "/email/rotate", headers=headers)
    return http.request(asked.method, path, json=asked.body, headers=headers)


def record(http: httpx.Client, conversation: str, asked: Operation, **headers: str) -> Call:
    """Send it, and note when and with what result."""
    invoked = time.monotonic()
    answer = send(http, conversation, asked, **headers)
    returned = time.monotonic()
    return Call(asked, invoked, returned, answer.status_code, answer.headers["Operation-Location"].rpartition("/")[2])


def log(http: httpx.Client, conversation: str) -> dict[str, dict[str, Any]]:
    """The whole change log of a conversation, by id."""
    found: dict[str, dict[str, Any]] = {}
    while True:
        query = {"conversationId": conversation, "limit": str(PAGE)}
        if found:
            query["startingAfter"] = list(found)[-1]
        page = http.get("/changes", params=query).json()["data"]
        found |= {each["id"]: each for each in page}
        if len(page) < PAGE:
            return found


def check(calls: Sequence[Call], changes: Mapping[str, dict[str, Any]], model: Model) -> None:
    """Raise Violation unless the log's order explains all that the clients saw; the model ends in the last state."""
    if {call.change for call in calls} != set(changes) or len(calls) != len(changes):
        raise Violation("the log is not exactly what was acknowledged")
    ordered = sorted(calls, key=lambda call: changes[call.change]["appliedSeq"])
    if [changes[call.change]["appliedSeq"] for call in ordered] != list(range(1, len(calls) + 1)):
        raise Violation("two changes have one place in the order, or a place is empty")
    _respects_real_time(ordered)
    for call in ordered:
        _explains(call, changes[call.change], model.do(call.asked))


def _respects_real_time(ordered: Sequence[Call]) -> None:
    latest = 0.0  # when the last of those before was sent
    for call in ordered:
        if call.returned < latest:
            raise Violation(f"acknowledged before another was sent, applied after it: {call}")
        latest = max(latest, call.invoked)


def _explains(call: Call, change: Mapping[str, Any], expected: int) -> None:
    if STATUS[change.get("errorCode")] != expected:
        raise Violation(f"the log says {change}, a replay {expected}: {call}")
    reads_later = call.asked.method == "ROTATE"  # its address is read after the change, and may be dead by then
    if call.status not in {expected, 202} and not reads_later:
        raise Violation(f"the client was told otherwise than {expected}: {call}")


def operation(rng: random.Random, users: Sequence[str]) -> Operation:
    """Anything that may be asked of participants."""
    method = rng.choice(["PUT", "PUT", "PATCH", "PATCH", "DELETE", "ADD", "ROTATE"])
    body: dict[str, Any] = {}
    if method in {"PUT", "PATCH"} and rng.random() < 0.7:
        body["notify"] = rng.choice([True, False, "MentionsOnly"])
    if method in {"PUT", "PATCH"} and rng.random() < 0.5:
        body["access"] = rng.choice(["ReadWrite", "Read", *(["None"] if method == "PATCH" else [])])
    version = rng.choice([OLD, NEW]) if method == "DELETE" else NEW
    return Operation(method, rng.choice(users), body, version)
