"""Rules of the wire that stand in no other file: pages, addresses and secrets as they come."""

from datetime import datetime

import httpx
import pytest
from support.cast import Cast
from support.servers import Stack
from support.sql import rows

from api import wire
from api.schemas.users import UserUpdate
from mailtalk import clock
from mailtalk.changes import log as change_log
from mailtalk.changes.log import Requested
from mailtalk.conversations import apps, conversations
from mailtalk.errors import Invalid
from mailtalk.keys import Keyring
from mailtalk.participation.rules import Request
from mailtalk.vocabulary import ChangeKind

LISTS = ("/users", "/conversations", "/users/alice/conversations", "/conversations/hello/messages")


@pytest.fixture
def cast(stack: Stack) -> Cast:
    return stack.introduce()


@pytest.mark.parametrize("path", [*LISTS, "/conversations/hello/participants", "/changes?conversationId=hello"])
def test_a_page_after_what_is_not_in_the_list_is_refused_and_not_empty(http: httpx.Client, path: str) -> None:
    answer = http.get(f"{path}{'&' if '?' in path else '?'}startingAfter=never")
    assert (answer.status_code, list(answer.json()["reasons"])) == (400, ["startingAfter"])


@pytest.mark.parametrize("address", ["erin@localhost", "erin@mail.local", "erin@corp.test", "erin@bücher.example"])
def test_mails_may_go_to_hosts_of_ones_own(http: httpx.Client, address: str) -> None:
    assert http.put("/users/erin", json={"name": "Erin", "email": address}).status_code == 200
    assert http.get("/users/erin").json()["email"][0].isascii()


def test_a_secret_may_look_like_a_token(stack: Stack, cast: Cast) -> None:
    secret = "sk_0123456789.0123456789.0123456789"
    keyring = Keyring.from_setting(stack.settings.require("secret_key"))
    with stack.database.transaction() as session:
        apps.ensure(session, keyring, cast.app_id, "Demo", secret)
    url = f"{stack.api}/v1/{cast.app_id}/users/alice"
    assert httpx.get(url, headers={"Authorization": f"Bearer {secret}"}).status_code == 200


@pytest.mark.parametrize("user", ["a%00b", "a%0Ab", "a%7Fb", "%E2%80%A8", "%FF"])
def test_a_control_character_in_an_id_is_refused(http: httpx.Client, user: str) -> None:
    assert list(http.get(f"/users/{user}").json()["reasons"]) == ["userId"]


def joined_at(cast: Cast) -> datetime:
    with cast.database.transaction() as session:
        return conversations.participant(session, cast.participant("alice")).joined_at


def test_who_leaves_and_joins_in_one_batch_has_joined_anew(cast: Cast) -> None:
    cast.join("alice")
    before = joined_at(cast)
    kinds = (ChangeKind.LEAVE, ChangeKind.JOIN)
    asked = [Requested(cast.participant("alice"), Request(kind), clock.now()) for kind in kinds]
    with cast.database.transaction() as session:
        change_log.accept(session, asked)
    cast.apply()
    assert joined_at(cast) > before


def test_a_409_names_whom_the_limit_left_out(http: httpx.Client, stack: Stack, cast: Cast) -> None:
    rows(stack.database, "UPDATE apps SET participant_limit = 2 WHERE id = :app", app=cast.app_id)
    answer = http.put("/conversations/small", json={"participants": ["alice", "bob", "carol", "dave"]})
    assert (answer.status_code, sorted(answer.json()["reasons"])) == (409, ["carol", "dave"])
    assert http.get("/conversations/small").json()["participants"].keys() == {"alice", "bob"}


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/conversations/never/participants/alice", "CONVERSATION_NOT_FOUND"),
        ("/conversations/hello/participants/alice", "PARTICIPANT_NOT_FOUND"),
        ("/conversations/hello/messages?asUser=never", "USER_NOT_FOUND"),
        ("/conversations/hello/messages?asUser=alice", "PARTICIPANT_NOT_FOUND"),
    ],
)
def test_a_404_says_what_is_not_there(http: httpx.Client, path: str, code: str) -> None:
    answer = http.get(path)
    assert (answer.status_code, answer.json()["errorCode"]) == (404, code)


@pytest.mark.parametrize("email", ["x" * 65 + "@example.com", [f"erin{i}@example.com" for i in range(21)]])
def test_addresses_have_bounds(http: httpx.Client, email: str | list[str]) -> None:
    answer = http.put("/users/erin", json={"name": "Erin", "email": email})
    assert (answer.status_code, list(answer.json()["reasons"])) == (400, ["email"])


def test_an_empty_array_in_a_map_of_objects_is_an_empty_object() -> None:
    """As fuzzing found: the error's path does not say which of the map's values it is about."""
    users = dict[str, UserUpdate]
    arrays, objects = b'{" ": {"custom": []}, "b": [], "c": {}}', b'{" ": {"custom": {}}, "b": {}, "c": {}}'
    assert wire.decode(arrays, users) == wire.decode(objects, users)
    with pytest.raises(Invalid):
        wire.decode(b'{"a": {"custom": [1]}}', users)
