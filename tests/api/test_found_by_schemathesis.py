"""Requests that schemathesis found, and that were answered otherwise than the document says."""

import json

import httpx
import pytest
from support.cast import Cast
from support.servers import Stack

OLDEST = {"TalkJS-REST-Version": "2021-01-01"}
LISTS = ("/conversations", "/users/alice/conversations")


@pytest.fixture
def cast(stack: Stack) -> Cast:
    return stack.introduce()


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    "asked",
    [
        {"lastMessageTs": [["<"], 0]},
        {"lastMessageTs": ["<", True]},
        {"custom": {"size": [["=="], "9"]}},
        {"custom": {"size": ["9"]}},
        {"custom": {"size": []}},
    ],
)
def test_a_filter_of_a_wrong_shape_is_refused(http: httpx.Client, path: str, asked: object) -> None:
    answer = http.get(path, params={"filter": json.dumps(asked)})
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "INVALID_ARGUMENTS")


@pytest.mark.parametrize("path", LISTS)
def test_a_wrong_order_is_refused_also_where_a_version_has_no_orders(http: httpx.Client, path: str) -> None:
    answer = http.get(path, params={"orderBy": "size"}, headers=OLDEST)
    assert (answer.status_code, list(answer.json()["reasons"])) == (400, ["orderBy"])


@pytest.mark.parametrize("path", ["/users", *LISTS])
def test_a_page_begins_after_what_can_be_an_id(http: httpx.Client, path: str) -> None:
    answer = http.get(path, params={"startingAfter": "a" * 256})
    assert (answer.status_code, list(answer.json()["reasons"])) == (400, ["startingAfter"])


def test_an_empty_version_is_not_known(http: httpx.Client) -> None:
    answer = http.get("/users/alice", headers={"TalkJS-REST-Version": ""})
    assert (answer.status_code, list(answer.json()["reasons"])) == (400, ["TalkJS-REST-Version"])


def test_a_version_in_a_batch_that_no_header_can_hold_is_not_known(http: httpx.Client) -> None:
    answer = http.post("/batch", json=[[1, "GET", "/users/alice", {}, {"api_version": "２０２４"}]])
    [[_, status, body]] = answer.json()
    assert (status, list(body["reasons"])) == (400, ["TalkJS-REST-Version"])
