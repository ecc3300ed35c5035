"""Guesses of credentials end in a pause for everybody; so this test has a stack of its own."""

import httpx
from support.cast import Cast
from support.servers import Stack
from support.sql import rows

from console.login import ATTEMPTS

AUDIT = "SELECT actor, role, action FROM audit_entries ORDER BY id"


def test_guesses_are_recorded_and_limited(program: httpx.Client, stack: Stack, cast: Cast) -> None:
    answers = [
        program.post("/console/login", data={"credential": f"guess {i}"}).status_code for i in range(ATTEMPTS + 1)
    ]
    assert answers == [401] * ATTEMPTS + [429]
    assert program.post("/console/login", data={"credential": cast.secret}).status_code == 429
    assert ("unknown", "none", "fail to log in") in map(tuple, rows(stack.database, AUDIT))
