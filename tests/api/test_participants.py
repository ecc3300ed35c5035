"""Every row of api.md's Participants, over a real socket, applied by a real worker."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from support.cast import Cast
from support.servers import Stack
from support.sql import column, rows

from mailtalk.keys import Keyring
from mailtalk.participation import addresses

ALICE = "/conversations/hello/participants/alice"
BOB = "/conversations/hello/participants/bob"
OLD = ("2021-01-01", "2021-02-09")
NEW = ("2021-07-30", "2024-01-01")
READ_STATE = {"isUnread": False, "readUntil": None}  # of a conversation without messages
DEFAULTS = {"access": "ReadWrite", "notify": True, "muteUntil": None, "frequency": "default"} | READ_STATE


@pytest.fixture
def cast(stack: Stack) -> Cast:
    return stack.introduce()


def done(answer: httpx.Response) -> httpx.Response:
    assert (answer.status_code, answer.json()) == (200, {}), answer.text
    return answer


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["errorCode"]


def shown(http: httpx.Client, path: str = ALICE) -> dict[str, Any]:
    content: dict[str, Any] = http.get(path).json()
    return {name: value for name, value in content.items() if name != "joinedAt"}


def members(http: httpx.Client) -> dict[str, Any]:
    content: dict[str, Any] = http.get("/conversations/hello").json()["participants"]
    return content


# join


def test_put_joins_with_the_defaults(http: httpx.Client) -> None:
    done(http.put(ALICE))
    assert shown(http) == DEFAULTS
    assert members(http) == {"alice": {"access": "ReadWrite", "notify": True}}


def test_put_sets_what_is_given(http: httpx.Client) -> None:
    done(http.put(ALICE, json={"notify": "MentionsOnly", "access": "Read"}))
    assert shown(http) == DEFAULTS | {"access": "Read", "notify": "MentionsOnly"}


def test_put_always_overwrites(http: httpx.Client) -> None:
    done(http.put(ALICE, json={"notify": False, "muteUntil": "2100-01-01T00:00:00Z", "frequency": "daily"}))
    done(http.put(ALICE, json={"access": "Read"}))
    assert shown(http) == DEFAULTS | {"access": "Read"}


def test_put_ignores_unknown_fields_and_an_extra_id(http: httpx.Client) -> None:
    done(http.put(ALICE, json={"id": "alice", "colour": {"deep": ["red"]}}))
    assert shown(http) == DEFAULTS


def test_put_takes_a_content_type_without_a_body(http: httpx.Client) -> None:
    done(http.put(ALICE, headers={"Content-Type": "application/json"}))


def test_a_trailing_slash_and_quoted_characters_do_no_harm(http: httpx.Client) -> None:
    done(http.put(ALICE + "/"))
    done(http.put("/users/a%2Fb%20%C3%A9", json={"name": "Slash"}))
    done(http.put("/conversations/hello/participants/a%2Fb%20%C3%A9"))
    assert set(members(http)) == {"alice", "a/b é"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("access", "None"),
        ("access", "Write"),
        ("access", True),
        ("notify", "All"),
        ("notify", 1),
        ("notify", "true"),
        ("frequency", "weekly"),
        ("muteUntil", 5),
        ("muteUntil", "tomorrow"),
        ("muteUntil", "2030-01-01T00:00:00"),
        ("muteUntil", "2030-02-30T00:00:00Z"),
        ("muteUntil", "0001-01-01T00:00:00+14:00"),
        ("muteUntil", "9999-12-31T23:59:59-14:00"),
    ],
)
def test_a_wrong_value_in_put_is_400_and_names_the_field(http: httpx.Client, field: str, value: object) -> None:
    answer = http.put(ALICE, json={field: value})
    assert refused(answer) == (400, "INVALID_ARGUMENTS")
    assert list(answer.json()["reasons"]) == [field]
    assert members(http) == {}


@pytest.mark.parametrize("body", [b"{", b"[1]", b"null", b'"x"', b"\xff", b"[" * 100_000, b'{"notify": tru}'])
def test_a_body_that_is_no_object_is_400(http: httpx.Client, body: bytes) -> None:
    for method in ("PUT", "PATCH"):
        assert refused(http.request(method, ALICE, content=body)) == (400, "INVALID_ARGUMENTS")


def test_put_of_an_unknown_user_or_conversation_is_404(http: httpx.Client) -> None:
    assert refused(http.put("/conversations/hello/participants/nobody")) == (404, "USER_NOT_FOUND")
    assert refused(http.put("/conversations/nothing/participants/alice")) == (404, "CONVERSATION_NOT_FOUND")


def test_a_join_over_the_limit_is_409(http: httpx.Client, stack: Stack, cast: Cast) -> None:
    rows(stack.database, "UPDATE apps SET participant_limit = 1 WHERE id = :app", app=cast.app_id)
    done(http.put(ALICE))
    done(http.put(ALICE, json={"notify": False}))
    answer = http.put(BOB)
    assert refused(answer) == (409, "PARTICIPANT_LIMIT")
    change = http.get(answer.headers["Operation-Location"].removeprefix(f"/v1/{cast.app_id}")).json()
    assert (change["status"], change["errorCode"]) == ("rejected", "PARTICIPANT_LIMIT")
    rows(stack.database, "UPDATE apps SET participant_limit = NULL WHERE id = :app", app=cast.app_id)
    done(http.put(BOB))


# update


def test_patch_changes_only_what_is_given(http: httpx.Client) -> None:
    body = {"notify": "MentionsOnly", "muteUntil": "2100-01-01T00:00:00Z", "frequency": "hourly"}
    done(http.put(ALICE, json=body))
    done(http.patch(ALICE, json={"access": "Read"}))
    assert shown(http) == READ_STATE | body | {"access": "Read"}
    done(http.patch(ALICE, json={"notify": False, "frequency": "daily"}))
    done(http.patch(ALICE))
    assert shown(http) == READ_STATE | body | {"access": "Read", "notify": False, "frequency": "daily"}


def test_patch_of_somebody_who_takes_no_part_is_404(http: httpx.Client) -> None:
    assert refused(http.patch(ALICE, json={"notify": False})) == (404, "PARTICIPANT_NOT_FOUND")
    done(http.put(ALICE))
    done(http.delete(ALICE))
    assert refused(http.patch(ALICE, json={})) == (404, "PARTICIPANT_NOT_FOUND")


@pytest.mark.parametrize(("field", "value"), [("access", "none"), ("notify", []), ("muteUntil", {})])
def test_a_wrong_value_in_patch_is_400_and_names_the_field(http: httpx.Client, field: str, value: object) -> None:
    answer = http.patch(ALICE, json={field: value})
    assert (refused(answer), list(answer.json()["reasons"])) == ((400, "INVALID_ARGUMENTS"), [field])


@pytest.mark.parametrize("version", NEW)
def test_access_none_takes_out_of_the_map_and_is_still_shown(http: httpx.Client, version: str) -> None:
    http.headers["TalkJS-REST-Version"] = version
    done(http.put(ALICE))
    done(http.patch(ALICE, json={"access": "None"}))
    assert members(http) == {}
    assert shown(http) == DEFAULTS | {"access": "None"}
    done(http.patch(ALICE, json={"access": "ReadWrite"}))
    assert set(members(http)) == {"alice"}


@pytest.mark.parametrize("version", OLD)
def test_access_none_is_400_in_versions_before_2021_07_30(http: httpx.Client, version: str) -> None:
    done(http.put(ALICE))
    answer = http.patch(ALICE, json={"access": "None"}, headers={"TalkJS-REST-Version": version})
    assert (refused(answer), list(answer.json()["reasons"])) == ((400, "INVALID_ARGUMENTS"), ["access"])


def test_access_none_does_not_count_to_the_limit_and_its_end_does(http: httpx.Client, stack: Stack, cast: Cast) -> None:
    rows(stack.database, "UPDATE apps SET participant_limit = 1 WHERE id = :app", app=cast.app_id)
    done(http.put(ALICE))
    done(http.patch(ALICE, json={"access": "None"}))
    done(http.put(BOB))
    assert refused(http.patch(ALICE, json={"access": "Read"})) == (409, "PARTICIPANT_LIMIT")
    assert shown(http)["access"] == "None"


# leave


def test_delete_leaves_and_is_idempotent(http: httpx.Client) -> None:
    done(http.put(ALICE))
    for _ in range(2):
        done(http.delete(ALICE))
        assert refused(http.get(ALICE)) == (404, "PARTICIPANT_NOT_FOUND")
    assert members(http) == {}


def test_delete_of_who_never_joined_or_does_not_exist_is_200(http: httpx.Client) -> None:
    done(http.delete(BOB))
    done(http.delete("/conversations/hello/participants/nobody"))
    assert refused(http.delete("/conversations/nothing/participants/alice")) == (404, "CONVERSATION_NOT_FOUND")


def test_delete_and_get_take_a_body(http: httpx.Client) -> None:
    done(http.request("PUT", ALICE, json={}))
    assert http.request("GET", ALICE, json={}).status_code == 200
    done(http.request("DELETE", ALICE, json={}))


@pytest.mark.parametrize(("versions", "kept"), [(OLD, [("frozen", 2)]), (NEW, [("nothing", None)])])
def test_what_a_leave_leaves_to_see_depends_on_the_version(
    http: httpx.Client, stack: Stack, cast: Cast, versions: tuple[str, ...], kept: list[object]
) -> None:
    for version in versions:
        done(http.put(ALICE))
        rows(stack.database, "UPDATE conversations SET last_seq = 2 WHERE app_id = :app", app=cast.app_id)
        done(http.delete(ALICE, headers={"TalkJS-REST-Version": version}))
        query = "SELECT sees, view_seq FROM participations WHERE app_id = :app"
        assert [tuple(row) for row in rows(stack.database, query, app=cast.app_id)] == kept


def test_a_rejoin_shows_everything_again(http: httpx.Client, stack: Stack, cast: Cast) -> None:
    done(http.put(ALICE))
    done(http.delete(ALICE, headers={"TalkJS-REST-Version": "2021-02-09"}))
    done(http.put(ALICE))
    query = "SELECT sees, view_seq, view FROM participations WHERE app_id = :app"
    assert [tuple(row) for row in rows(stack.database, query, app=cast.app_id)] == [("all", None, None)]


# mute


def test_mute_until_is_shown_in_utc_and_null_clears_it(http: httpx.Client) -> None:
    done(http.put(ALICE, json={"muteUntil": "2100-01-01T01:30:00.250+02:00"}))
    assert shown(http) == DEFAULTS | {"muteUntil": "2099-12-31T23:30:00.250000Z"}
    done(http.patch(ALICE, json={"muteUntil": None}))
    assert shown(http) == DEFAULTS


def test_a_mute_in_the_past_is_taken_and_has_no_effect(http: httpx.Client, stack: Stack, cast: Cast) -> None:
    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    done(http.put(ALICE, json={"muteUntil": past}))
    assert shown(http) == DEFAULTS


def test_a_mute_lapses_by_itself(http: httpx.Client, stack: Stack, cast: Cast) -> None:
    done(http.put(ALICE, json={"muteUntil": "2100-01-01T00:00:00Z"}))
    rows(stack.database, "UPDATE participations SET mute_until = now() WHERE app_id = :app", app=cast.app_id)
    assert shown(http) == DEFAULTS


# the inbound address


def address(http: httpx.Client, path: str = ALICE) -> str:
    return str(http.get(path + "/email").json()["emailAddress"])


def lives(stack: Stack, email: str) -> bool:
    keyring = Keyring.from_setting(stack.settings.require("secret_key"))
    with stack.database.transaction() as session:
        return addresses.find(session, keyring, email.partition("@")[0]) is not None


def test_the_email_address_is_the_participants_own_and_stays(http: httpx.Client, stack: Stack) -> None:
    done(http.put(ALICE))
    done(http.put(BOB))
    assert address(http) == address(http) != address(http, BOB)
    assert address(http).endswith(f"@{stack.settings.reply_domain}")
    assert lives(stack, address(http))


@pytest.mark.parametrize("end", [("DELETE", {}), ("PATCH", {"access": "None"})], ids=["leaving", "None"])
def test_the_email_address_dies_with(http: httpx.Client, stack: Stack, end: tuple[str, dict[str, str]]) -> None:
    done(http.put(ALICE))
    before = address(http)
    done(http.request(end[0], ALICE, json=end[1]))
    assert refused(http.get(ALICE + "/email")) == (404, "PARTICIPANT_NOT_FOUND")
    assert not lives(stack, before)
    done(http.put(ALICE))
    assert not lives(stack, before)
    assert address(http) != before


def test_the_email_address_is_404_while_access_is_read(http: httpx.Client, stack: Stack) -> None:
    done(http.put(ALICE))
    before = address(http)
    done(http.patch(ALICE, json={"access": "Read"}))
    assert refused(http.get(ALICE + "/email")) == (404, "PARTICIPANT_NOT_FOUND")
    assert not lives(stack, before)


def test_the_email_address_of_nobody_is_404(http: httpx.Client) -> None:
    assert refused(http.get(ALICE + "/email")) == (404, "PARTICIPANT_NOT_FOUND")
    assert refused(http.get("/conversations/nothing/participants/alice/email")) == (404, "CONVERSATION_NOT_FOUND")


def test_rotate_gives_a_new_address_and_ends_the_old_one(http: httpx.Client, stack: Stack) -> None:
    done(http.put(ALICE))
    before = address(http)
    answer = http.post(ALICE + "/email/rotate")
    assert (answer.status_code, answer.json()) == (200, {"emailAddress": address(http)})
    assert "Operation-Location" in answer.headers
    assert (lives(stack, before), lives(stack, address(http))) == (False, True)


@pytest.mark.parametrize("access", [None, "Read", "None"])
def test_rotate_is_404_for_who_may_not_write(http: httpx.Client, access: str | None) -> None:
    if access:
        done(http.put(ALICE))
        done(http.patch(ALICE, json={"access": access}))
    assert refused(http.post(ALICE + "/email/rotate")) == (404, "PARTICIPANT_NOT_FOUND")
    assert refused(http.post("/conversations/hello/participants/nobody/email/rotate")) == (404, "USER_NOT_FOUND")


def test_no_address_is_kept_in_clear(http: httpx.Client, stack: Stack) -> None:
    done(http.put(ALICE))
    token = address(http).partition("@")[0]
    kept = column(stack.database, "SELECT encode(hash, 'escape') FROM addresses")
    assert all(token not in each for each in kept)
