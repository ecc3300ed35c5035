"""Users: created and merged, and read back as they were put."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from support.cast import Cast
from support.servers import Stack

NEW = "/users/erin"


@pytest.fixture
def cast(stack: Stack) -> Cast:
    return stack.introduce()


def put(http: httpx.Client, **fields: Any) -> dict[str, Any]:
    answer = http.put(NEW, json=fields)
    assert (answer.status_code, answer.json()) == (200, {}), answer.text
    content: dict[str, Any] = http.get(NEW).json()
    return content


def test_a_new_user_has_nulls_where_nothing_was_given(http: httpx.Client) -> None:
    got = put(http, name="Erin")
    assert got.pop("createdAt") > 1_700_000_000_000
    names = ("email", "phone", "photoUrl", "welcomeMessage", "locale", "timeZone", "role")
    unset = dict.fromkeys((*names, "availabilityText", "headerPhotoUrl"))
    assert got == {"id": "erin", "name": "Erin", "custom": {}, "pushTokens": {}} | unset


def test_what_is_not_given_stays_and_null_clears(http: httpx.Client) -> None:
    put(http, name="Erin", email="e@example.com", role="buyer", locale="de-DE", photoUrl="https://x.example/p")
    got = put(http, role=None, locale="fr-FR")
    assert (got["name"], got["email"], got["role"], got["locale"]) == ("Erin", ["e@example.com"], None, "fr-FR")
    assert put(http, email=None)["email"] is None


def test_a_time_zone_is_one_that_exists(http: httpx.Client) -> None:
    assert put(http, name="Erin", timeZone="Asia/Kathmandu")["timeZone"] == "Asia/Kathmandu"
    for wrong in ("Mars/Olympus", "../../etc/passwd", "CET+1", ""):
        answer = http.put(NEW, json={"timeZone": wrong})
        assert (answer.status_code, list(answer.json()["reasons"])) == (400, ["timeZone"]), wrong
    assert put(http, timeZone=None)["timeZone"] is None


@pytest.mark.parametrize(
    ("email", "kept"),
    [
        ("e@example.com", ["e@example.com"]),
        ([" a@example.com ", "b@example.com"], ["a@example.com", "b@example.com"]),
        ([], None),
        ("", None),
        ("e@bücher.example", ["e@xn--bcher-kva.example"]),
    ],
)
def test_an_email_is_one_several_or_none(http: httpx.Client, email: object, kept: object) -> None:
    assert put(http, name="Erin", email=email)["email"] == kept


def test_custom_data_and_push_tokens_merge_key_by_key(http: httpx.Client) -> None:
    put(http, name="Erin", custom={"a": "1", "b": "2"}, pushTokens={"fcm:1": True})
    got = put(http, custom={"b": None, "c": "3"}, pushTokens={"fcm:2": True, "fcm:1": None})
    assert (got["custom"], got["pushTokens"]) == ({"a": "1", "c": "3"}, {"fcm:2": True})
    assert put(http, custom=None)["custom"] == {}


def test_many_who_create_one_user_at_once_make_one(http: httpx.Client) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: http.put(NEW, json={"name": "E", "custom": {str(n): "x"}}), range(16)))
    assert {answer.status_code for answer in answers} == {200}
    assert http.get(NEW).json()["custom"] == {str(n): "x" for n in range(16)}


def test_the_users_of_two_apps_are_strangers(stack: Stack, http: httpx.Client) -> None:
    put(http, name="Erin")
    with stack.client(stack.introduce()) as other:
        assert other.get(NEW).status_code == 404
