"""Batch: operations in order through the same routes, each with its own answer."""

from typing import Any

import httpx
import pytest
from support.cast import Cast
from support.servers import Stack

MESSAGE = [{"type": "SystemMessage", "text": "Hello"}]


@pytest.fixture
def cast(stack: Stack) -> Cast:
    return stack.introduce()


def run(http: httpx.Client, *operations: object, **headers: str) -> list[Any]:
    answer = http.post("/batch", json=operations, headers=headers)
    assert answer.status_code == 200, answer.text
    answers: list[Any] = answer.json()
    return answers


def test_operations_run_in_order_and_each_has_its_answer(http: httpx.Client) -> None:
    answers = run(
        http,
        [7, "PUT", "/users/eve", {"name": "Eve"}],
        [2.5, "GET", "/users/eve"],
        [3, "PUT", "/conversations/new/", {"participants": ["eve"]}],
        [3, "POST", "/conversations/new/messages", [{"type": "UserMessage", "sender": "eve", "text": "Hi"}]],
        [4, "GET", "/conversations/new/messages", {"limit": 1}],
        [5, "DELETE", "/conversations/new/participants/eve"],
        [6, "GET", "/conversations/new/participants/eve"],
    )
    assert [each[:2] for each in answers] == [[7, 200], [2.5, 200], [3, 200], [3, 200], [4, 200], [5, 200], [6, 404]]
    assert answers[1][2]["name"] == "Eve"
    assert answers[4][2]["data"][0]["id"] == answers[3][2][0]["id"]
    assert answers[6][2]["errorCode"] == "PARTICIPANT_NOT_FOUND"


def test_an_error_is_the_operations_own(http: httpx.Client) -> None:
    answers = run(http, [1, "PUT", "/users/new", {}], [2, "GET", "/non/existing"], [3, "GET", "/users/alice"])
    assert [each[1] for each in answers] == [400, 404, 200]
    assert answers[0][2]["reasons"] == {"name": ["is required to create a user"]}


@pytest.mark.parametrize("path", ["/users?limit=1", "/users"])
def test_a_query_stands_in_the_path_or_in_the_payload(http: httpx.Client, path: str) -> None:
    payload = [{"limit": 1}] if "?" not in path else []
    assert len(run(http, [1, "GET", path, *payload])[0][2]["data"]) == 1
    both = run(http, [1, "GET", "/users?limit=2", {"startingAfter": "alice", "x": True}])[0]
    assert both[1] == 200


def test_an_id_in_a_path_may_be_encoded_or_not(http: httpx.Client) -> None:
    answers = run(http, [1, "PUT", "/users/zo%C3%AB%2F1", {"name": "Zoë"}], [2, "GET", "/users/zoë%2F1"])
    assert answers[1][2]["id"] == "zoë/1"


def test_an_operation_may_be_in_another_version(http: httpx.Client) -> None:
    listed = [1, "GET", "/users/nobody/conversations"]
    answers = run(
        http, listed, [*listed, None, {"api_version": "2021-07-30"}], [*listed, None, {"api_version": "1999-01-01"}]
    )
    assert [each[1] for each in answers] == [404, 200, 400]


def test_the_version_of_the_request_is_that_of_its_operations(http: httpx.Client) -> None:
    headers = {"TalkJS-REST-Version": "2021-07-30"}
    assert run(http, [1, "GET", "/users/nobody/conversations"], **headers)[0][1] == 200


@pytest.mark.parametrize(
    ("second", "field"),
    [
        ([2, "POST", "/batch", []], "1.path"),
        ([2, "POST", "/%62atch/", []], "1.path"),
        ([2, "POST", "/batch?x=1", []], "1.path"),
        ([2, "PUT", "users/x"], "1.2"),
        ([2, "OPTIONS", "/users"], "1.1"),
        (["two", "GET", "/users"], "1.0"),
        ([2, "GET"], "1"),
        ({"seq": 2}, "1"),
        ([2, "GET", "/users", [1]], "1.payload"),
        ([2, "GET", "/users", {"limit": {}}], "1.payload"),
        ([2, "GET", "/users", None, "2021-01-01"], "1.4"),
    ],
)
def test_a_malformed_operation_refuses_all_before_any_is_done(http: httpx.Client, second: object, field: str) -> None:
    answer = http.post("/batch", json=[[1, "PUT", "/users/early", {"name": "Early"}], second])
    assert answer.status_code == 400, answer.text
    assert list(answer.json()["reasons"]) == [field]
    assert http.get("/users/early").status_code == 404


@pytest.mark.parametrize("body", [[[1, "GET", "/users"]] * 11, {}, "x"])
def test_a_batch_has_at_most_ten_operations(http: httpx.Client, body: object) -> None:
    assert http.post("/batch", json=body).status_code == 400


def test_another_apps_things_are_not_reached(http: httpx.Client, stack: Stack) -> None:
    other = stack.introduce()
    answers = run(http, [1, "GET", f"/../{other.app_id}/users/alice"], [2, "GET", f"/%2e%2e/{other.app_id}/users"])
    assert [each[1] for each in answers] == [404, 404]


def test_a_repeated_batch_is_done_once(http: httpx.Client) -> None:
    batch = [[1, "POST", "/conversations/hello/messages", MESSAGE], [2, "GET", "/conversations/hello/messages"]]
    key = {"Idempotency-Key": "b1"}
    first = http.post("/batch", json=batch, headers=key)
    http.post("/conversations/hello/messages", json=MESSAGE)
    again = http.post("/batch", json=batch, headers=key)
    assert first.content == again.content
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(http.get("/conversations/hello/messages").json()["data"]) == 2


def test_a_batch_that_was_cut_off_is_finished_by_its_repeat(http: httpx.Client) -> None:
    post = [1, "POST", "/conversations/hello/messages", MESSAGE]
    key = {"Idempotency-Key": "b2"}
    cut = run(http, post, [2, "PUT", "/conversations/hello/participants/alice"], **key)
    other = http.post("/batch", json=[post], headers=key)
    assert other.status_code == 422
    assert run(http, post, [2, "PUT", "/conversations/hello/participants/alice"], **key) == cut
