"""Many actions in one request: an honest result for each, in the order given; and the list of participants."""

from typing import Any

import httpx
import pytest
from support.cast import NAMES, Cast
from support.servers import Stack
from support.sql import column, rows

PARTICIPANTS = "/conversations/hello/participants"


@pytest.fixture
def cast(stack: Stack) -> Cast:
    return stack.introduce()


def crowd(stack: Stack, cast: Cast, size: int) -> list[str]:
    """So many more users."""
    query = """INSERT INTO users (app_id, id, name)
        SELECT :app, 'user' || lpad(i::text, 4, '0'), 'User' FROM generate_series(1, :size) AS i RETURNING id"""
    return sorted(column(stack.database, query, app=cast.app_id, size=size))


def action(mark: object, method: str, user: object, **params: object) -> dict[str, Any]:
    return {"id": mark, "method": method, "params": {"userId": user, **params}}


def do(http: httpx.Client, *actions: object, **headers: str) -> list[dict[str, Any]]:
    answer = http.post(PARTICIPANTS, json={"actions": actions}, headers=headers)
    assert answer.status_code == 200, answer.text
    responses: list[dict[str, Any]] = answer.json()["responses"]
    return responses


def listed(http: httpx.Client, **query: Any) -> list[str]:
    return [each["id"] for each in http.get(PARTICIPANTS, params=query).json()["data"]]


def test_each_action_gets_its_own_result_in_its_place(http: httpx.Client) -> None:
    responses = do(
        http,
        action(1, "PUT", "alice", notify=False, muteUntil="2100-01-01T00:00:00Z", frequency="hourly"),
        action("two", "PUT", "nobody"),
        action(3, "PATCH", "bob", notify=True),
        action(4, "DELETE", "carol"),
        action(5, "PUT", "dave", access="None"),
        action(6, "PATCH", "alice", access="Read"),
    )
    ended = [(each["id"], each["status"], each.get("errorCode")) for each in responses]
    assert ended == [
        (1, 200, None),
        ("two", 404, "USER_NOT_FOUND"),
        (3, 404, "PARTICIPANT_NOT_FOUND"),
        (4, 200, None),
        (5, 400, "INVALID_ARGUMENTS"),
        (6, 200, None),
    ]
    assert list(responses[4]["reasons"]) == ["params.access"]
    (alice,) = http.get(PARTICIPANTS).json()["data"]
    assert alice.pop("joinedAt") > 0
    muted = {"muteUntil": "2100-01-01T00:00:00Z", "frequency": "hourly"}
    nothing_to_read = {"isUnread": False, "readUntil": None}
    assert alice == {"id": "alice", "access": "Read", "notify": False, **muted, **nothing_to_read}
    assert http.get(f"/changes/{responses[0]['changeId']}").json()["status"] == "applied"


@pytest.mark.parametrize(
    ("broken", "field"),
    [
        (7, "body"),
        ("PUT", "body"),
        (None, "body"),
        ([], "method"),  # PHP's empty object
        ({}, "method"),
        ({"id": 2, "method": "PUT"}, "params"),
        ({"method": "PUT", "params": {"userId": "bob"}}, "id"),
        ({"id": 1.5, "method": "PUT", "params": {"userId": "bob"}}, "id"),
        ({"id": 2**64, "method": "PUT", "params": {"userId": "bob"}}, "id"),
        (action(2, "POST", "bob"), "method"),
        (action(2, "PUT", 5), "params.userId"),
        (action(2, "PUT", ""), "params.userId"),
        (action(2, "PUT", "b\x00b"), "params.userId"),
        (action(2, "PUT", "b" * 256), "params.userId"),
        (action(2, "PATCH", "bob", notify="Off"), "params.notify"),
        (action(2, "PATCH", "bob", muteUntil="2030-01-01"), "params.muteUntil"),
        (action(2, "PUT", "bob", muteUntil="9999-12-31T23:59:59Z"), "params.muteUntil"),
    ],
)
def test_a_malformed_action_is_400_and_the_others_are_done(http: httpx.Client, broken: object, field: str) -> None:
    first, malformed, last = do(http, action(1, "PUT", "alice"), broken, action(3, "PUT", "carol"))
    assert (first["status"], malformed["status"], last["status"]) == (200, 400, 200)
    assert list(malformed["reasons"]) == [field]
    assert malformed["id"] in {2, None}
    assert set(listed(http)) == {"alice", "carol"}


@pytest.mark.parametrize("body", [[], {}, {"actions": None}, {"actions": {}}, {"actions": [{}] * 1001}])
def test_a_malformed_envelope_is_400_for_the_whole(http: httpx.Client, body: object) -> None:
    answer = http.post(PARTICIPANTS, json=body)
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "INVALID_ARGUMENTS")
    assert list(answer.json()["reasons"]) == ["actions"]


def test_no_action_is_no_work_and_an_unknown_conversation_is_404(http: httpx.Client) -> None:
    assert do(http) == []
    answer = http.post("/conversations/nothing/participants", json={"actions": [action(1, "PUT", "alice")]})
    assert (answer.status_code, answer.json()["errorCode"]) == (404, "CONVERSATION_NOT_FOUND")


def test_more_than_a_megabyte_is_413(http: httpx.Client) -> None:
    assert http.post(PARTICIPANTS, json={"actions": ["x" * 1_000_000]}).status_code == 413


def test_actions_on_one_user_apply_in_the_order_given(http: httpx.Client) -> None:
    methods = ["PUT", "DELETE", "PATCH", "PUT", "PATCH", "DELETE", "PUT"] * 20
    responses = do(http, *(action(i, method, "alice") for i, method in enumerate(methods)))
    assert [each["status"] for each in responses] == [200, 200, 404, 200, 200, 200, 200] * 20
    assert listed(http) == ["alice"]


def test_a_thousand_actions_hold_the_cap_and_go_into_one_commit(http: httpx.Client, stack: Stack, cast: Cast) -> None:
    users = crowd(stack, cast, 1000)
    responses = do(http, *(action(i, "PUT", user) for i, user in enumerate(users)))
    assert [each["status"] for each in responses] == [200] * 100 + [409] * 900
    assert len(members(http)) == 100
    written = "SELECT DISTINCT xmin::text FROM (SELECT xmin FROM changes WHERE app_id = :app) AS c"
    assert len(column(stack.database, written, app=cast.app_id)) == 1


def members(http: httpx.Client) -> dict[str, Any]:
    content: dict[str, Any] = http.get("/conversations/hello").json()["participants"]
    return content


def test_the_version_decides_for_each_action(http: httpx.Client, stack: Stack, cast: Cast) -> None:
    old = {"TalkJS-REST-Version": "2021-02-09"}
    joined, none, left = do(
        http,
        action(1, "PUT", "alice"),
        action(2, "PATCH", "alice", access="None"),
        action(3, "DELETE", "alice"),
        **old,
    )
    assert [joined["status"], none["status"], left["status"]] == [200, 400, 200]
    assert column(stack.database, "SELECT sees FROM participations WHERE app_id = :app", app=cast.app_id) == ["frozen"]


def test_respond_async_is_202_for_each_with_its_change(http: httpx.Client) -> None:
    put, unknown, wrong = do(
        http, action(1, "PUT", "alice"), action(2, "PUT", "nobody"), action(3, "GET", "x"), Prefer="respond-async"
    )
    assert (put["status"], unknown["status"], wrong["status"]) == (202, 404, 400)
    assert http.get(f"/changes/{put['changeId']}").json()["userId"] == "alice"


# the list


def test_the_list_is_paged_newest_join_first(http: httpx.Client) -> None:
    for user in NAMES:
        http.put(f"{PARTICIPANTS}/{user}")
    assert listed(http) == ["dave", "carol", "bob", "alice"]
    assert listed(http, limit=2) == ["dave", "carol"]
    assert listed(http, limit=2, startingAfter="carol") == ["bob", "alice"]
    assert listed(http, startingAfter="alice") == []


def test_the_list_is_stable_for_those_who_joined_at_once(http: httpx.Client, stack: Stack, cast: Cast) -> None:
    users = crowd(stack, cast, 25)
    do(http, *(action(i, "PUT", user) for i, user in enumerate(users)))
    seen: list[str] = []
    while page := listed(http, limit=10, **({"startingAfter": seen[-1]} if seen else {})):
        seen += page
    assert sorted(seen) == users


def test_the_list_shows_neither_none_nor_those_who_left_but_goes_on_after_them(http: httpx.Client) -> None:
    do(http, *(action(1, "PUT", user) for user in NAMES))
    everybody = listed(http)
    http.patch(f"{PARTICIPANTS}/{everybody[1]}", json={"access": "None"})
    http.delete(f"{PARTICIPANTS}/{everybody[2]}")
    assert listed(http) == [everybody[0], everybody[3]]
    for gone in everybody[1:3]:
        assert listed(http, startingAfter=gone) == [everybody[3]]


def test_a_rejoin_comes_first_again(http: httpx.Client) -> None:
    for user in ("alice", "bob"):
        http.put(f"{PARTICIPANTS}/{user}")
    http.delete(f"{PARTICIPANTS}/alice")
    http.put(f"{PARTICIPANTS}/alice")
    assert listed(http) == ["alice", "bob"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "0"),
        ("limit", "101"),
        ("limit", "x"),
        ("limit", "9" * 5000),
        ("startingAfter", "dave"),
        ("startingAfter", ""),
        ("startingAfter", "\x00"),
    ],
)
def test_a_wrong_query_of_the_list_is_400_and_names_it(http: httpx.Client, name: str, value: str) -> None:
    answer = http.get(PARTICIPANTS, params={name: value})
    assert (answer.status_code, list(answer.json()["reasons"])) == (400, [name])


def test_the_list_of_an_unknown_conversation_is_404(http: httpx.Client) -> None:
    answer = http.get("/conversations/nothing/participants")
    assert (answer.status_code, answer.json()["errorCode"]) == (404, "CONVERSATION_NOT_FOUND")


def test_another_app_sees_and_changes_nothing(stack: Stack, http: httpx.Client) -> None:
    do(http, action(1, "PUT", "alice"))
    stranger = stack.introduce()
    rows(stack.database, "DELETE FROM conversations WHERE app_id = :app", app=stranger.app_id)
    with stack.client(stranger) as other:
        assert other.get(PARTICIPANTS).status_code == 404
        assert other.post(PARTICIPANTS, json={"actions": [action(1, "DELETE", "alice")]}).status_code == 404
        path = f"{str(http.base_url).rstrip('/')}/conversations/hello/participants"
        assert other.get(path).status_code == 404
    assert listed(http) == ["alice"]
