"""Bodies of requests: bounded, and one that ends too early is the client's fault, not an error of ours."""

import asyncio
from collections.abc import Iterable

import pytest
from starlette.requests import Request
from starlette.types import Message

from api import body
from mailtalk.errors import Invalid, TooLarge

LARGE = TooLarge({"body": ["is large"]})
ENDED = [{"type": "http.request", "body": b"abc", "more_body": True}, {"type": "http.disconnect"}]
SENT = [{"type": "http.request", "body": part, "more_body": more} for part, more in ((b"abc", True), (b"de", False))]


def request(messages: Iterable[Message]) -> Request:
    rest = iter(messages)

    async def receive() -> Message:
        return next(rest)

    return Request({"type": "http", "method": "POST", "headers": []}, receive)


def test_a_body_of_the_largest_size_is_read_whole() -> None:
    assert asyncio.run(body.whole(request(SENT), 5, LARGE)) == b"abcde"
    assert asyncio.run(body.form(request(SENT), 5)) == b"abcde"


def test_a_larger_one_is_refused() -> None:
    with pytest.raises(TooLarge) as refused:
        asyncio.run(body.whole(request(SENT), 4, LARGE))
    assert refused.value is LARGE
    assert asyncio.run(body.form(request(SENT), 4)) is None


def test_one_that_ends_too_early_is_invalid() -> None:
    with pytest.raises(Invalid) as refused:
        asyncio.run(body.whole(request(ENDED), 5, LARGE))
    assert refused.value.reasons == {"body": ["ended too early"]}
    assert asyncio.run(body.form(request(ENDED), 5)) is None
