"""X-Request-ID: the client's is sent back and logged, if it is a plain word; else a new one."""

import re

import httpx
import pytest


@pytest.mark.parametrize("given", ["0b7c-42", "trace/1:2=a.b_c~d+e"])
def test_a_request_keeps_its_id(api: str, given: str) -> None:
    answer = httpx.get(f"{api}/healthz", headers={"X-Request-ID": given})
    assert answer.headers.get_list("X-Request-ID") == [given]


@pytest.mark.parametrize("given", [None, "a b", "x" * 129, "é", ""])
def test_any_other_gets_a_new_one(api: str, given: str | None) -> None:
    headers = {} if given is None else {"X-Request-ID": given.encode()}
    first, second = (httpx.get(f"{api}/nowhere", headers=headers).headers["X-Request-ID"] for _ in range(2))
    assert re.fullmatch("[0-9a-f]{32}", first)
    assert first != second
