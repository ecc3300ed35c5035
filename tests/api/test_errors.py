"""Bad input is the request's fault and named; what real clients send is taken."""

import httpx
import pytest
from support.cast import Cast
from support.refusals import ALICE, DEEP, HELLO, MESSAGES, PART, SAY, reasons
from support.servers import Stack, make_settings, serving
from support.sql import rows

from mailtalk.db.database import Database
from mailtalk.keys import Keyring


@pytest.fixture(scope="module")
def cast(stack: Stack) -> Cast:
    return stack.introduce("Demo")


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("PUT", ALICE, {"name": 7}, "name"),
        ("PUT", ALICE, {"name": ""}, "name"),
        ("PUT", ALICE, {"email": 7}, "email"),
        ("PUT", ALICE, {"email": ["a@b.example", "nope"]}, "email"),
        ("PUT", ALICE, {"email": "a@b.example\r\nBcc: c@d.example"}, "email"),
        ("PUT", ALICE, {"phone": [7]}, "phone"),
        ("PUT", ALICE, {"photoUrl": 7}, "photoUrl"),
        ("PUT", ALICE, {"custom": {"a": 7}}, "custom"),
        ("PUT", ALICE, {"custom": "x"}, "custom"),
        ("PUT", ALICE, {"name": "a\x00b"}, "name"),
        ("PUT", ALICE, {"custom": {"a\x00": "b"}}, "custom"),
        ("PUT", ALICE, {"pushTokens": {"a": {"b": ["\x00"]}}}, "pushTokens"),
        ("PUT", "/users/new", {}, "name"),
        ("PUT", HELLO, {"subject": 7}, "subject"),
        ("PUT", HELLO, {"participants": "alice"}, "participants"),
        ("PUT", HELLO, {"participants": [""]}, "participants"),
        ("PUT", HELLO, {"participants": ["a" * 256]}, "participants"),
        ("PUT", HELLO, {"welcomeMessages": {}}, "welcomeMessages"),
        ("PUT", HELLO, {"custom": {"a": []}}, "custom"),
        ("PUT", PART, {"access": "None"}, "access"),
        ("PUT", PART, {"access": "readwrite"}, "access"),
        ("PUT", PART, {"notify": "mentionsonly"}, "notify"),
        ("PUT", PART, {"notify": 1}, "notify"),
        ("PATCH", PART, {"access": "Write"}, "access"),
        ("PATCH", PART, {"notify": []}, "notify"),
        ("POST", MESSAGES, [SAY | {"type": "Message"}], "0.type"),
        ("POST", MESSAGES, [SAY, SAY | {"text": ""}], "1.text"),
        ("POST", MESSAGES, [SAY | {"text": 7}], "0.text"),
        ("POST", MESSAGES, [SAY | {"text": "x\x00"}], "0.text"),
        ("POST", MESSAGES, [SAY | {"text": "x" * 100_001}], "0.text"),
        ("POST", MESSAGES, [SAY | {"sender": None}], "0.sender"),
        ("POST", MESSAGES, [SAY | {"sender": 7}], "0.sender"),
        ("POST", MESSAGES, [{"type": "UserMessage", "sender": "alice"}], "0.text"),
        ("POST", MESSAGES, [SAY | {"custom": {"a": 1}}], "0.custom"),
    ],
)
def test_a_wrong_value_is_400_and_names_its_field(
    http: httpx.Client, method: str, path: str, body: object, field: str
) -> None:
    named = reasons(http.request(method, path, json=body))
    assert any(each.startswith(field) for each in named), named


@pytest.mark.parametrize("path", [ALICE, HELLO, PART])
@pytest.mark.parametrize(
    "body",
    [
        b"{", b"nope", b"[1]", b"7", b'"x"', b"null", b"{}{}", b"\xff\xfe", b'{"name": "\\ud800"}',
        b'{"name": "a\x00"}', DEEP.encode(), b'{"custom":' + DEEP.encode() + b"}", b"[" * 100_000,
        b'{"pushTokens": {"a": 1e999}, "notify": 1e999, "subject": 1}', b'{"notify": NaN, "name": NaN, "subject": NaN}',
    ],
)  # fmt: skip
def test_what_is_no_object_of_json_is_400(http: httpx.Client, path: str, body: bytes) -> None:
    reasons(http.put(path, content=body))


def test_a_text_that_is_no_utf8_is_400(http: httpx.Client) -> None:
    reasons(http.put(ALICE, content=b'{"name": "\xff"}'))
    reasons(http.put(HELLO, content=b'{"subject": "\xed\xa0\x80"}'))
    reasons(http.put(ALICE, content=b'{"custom": {"\xff": "x"}}'))


@pytest.mark.parametrize("body", [[], {}, [SAY] * 11, "x", None])
def test_messages_are_an_array_of_one_to_ten(http: httpx.Client, body: object) -> None:
    assert reasons(http.post(MESSAGES, json=body))


@pytest.mark.parametrize("path", [ALICE, HELLO, PART])
def test_a_huge_body_is_413(http: httpx.Client, path: str) -> None:
    answer = http.put(path, json={"name": "x" * 1_500_000})
    assert answer.status_code == 413
    assert http.get(ALICE).status_code == 200


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x", "1.5", "", "9" * 5000])
def test_a_wrong_limit_is_400_and_never_clamped(http: httpx.Client, limit: str) -> None:
    assert "limit" in reasons(http.get(MESSAGES, params={"limit": limit}))


@pytest.mark.parametrize("after", ["msg_none", "%00", "a%00b", "%ff", "x" * 3000, "'", "%ED%A0%80"])
def test_a_strange_cursor_is_no_fault_of_ours(http: httpx.Client, after: str) -> None:
    assert http.get(f"{MESSAGES}?startingAfter={after}").status_code in {400, 404}


@pytest.mark.parametrize("version", ["2020-01-01", "x", "2024-01-01,2024-01-01"])
def test_an_unknown_version_is_400(http: httpx.Client, version: str) -> None:
    assert "TalkJS-REST-Version" in reasons(http.get(ALICE, headers={"TalkJS-REST-Version": version}))


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/users/nobody", "USER_NOT_FOUND"),
        ("GET", "/conversations/nowhere", "CONVERSATION_NOT_FOUND"),
        ("GET", "/conversations/nowhere/messages", "CONVERSATION_NOT_FOUND"),
        ("POST", "/conversations/nowhere/messages", "CONVERSATION_NOT_FOUND"),
        ("PUT", "/conversations/nowhere/participants/alice", "CONVERSATION_NOT_FOUND"),
        ("PUT", f"{HELLO}/participants/nobody", "USER_NOT_FOUND"),
        ("DELETE", "/conversations/nowhere/participants/alice", "CONVERSATION_NOT_FOUND"),
        ("GET", f"{HELLO}/participants/alice", "PARTICIPANT_NOT_FOUND"),
        ("GET", f"{HELLO}/participants/alice/email", "PARTICIPANT_NOT_FOUND"),
        ("GET", "/changes/chg_987654321", "NOT_FOUND"),
        ("GET", "/changes/chg_99999999999999999999", "NOT_FOUND"),
        ("GET", "/changes/x", "NOT_FOUND"),
        ("GET", "/nothing", "NOT_FOUND"),
    ],
)
def test_what_is_not_there_is_404_with_its_code(http: httpx.Client, method: str, path: str, code: str) -> None:
    answer = http.request(method, path, json=[SAY] if method == "POST" else None)
    assert (answer.status_code, answer.json()["errorCode"]) == (404, code)


def test_a_method_that_is_not_served_is_405_in_the_same_form(http: httpx.Client) -> None:
    answer = http.post(ALICE)
    assert (answer.status_code, answer.json()["errorCode"]) == (405, "METHOD_NOT_ALLOWED")


def test_without_the_database_everything_is_503_with_retry_after(cast: Cast) -> None:
    settings = make_settings(database_url="postgresql://127.0.0.1:1/none", redis_url="redis://127.0.0.1:1")
    with serving(settings) as url:
        for method, path in (("GET", ALICE), ("PUT", PART), ("POST", MESSAGES)):
            answer = httpx.request(
                method, f"{url}/v1/demo{path}", headers={"Authorization": f"Bearer {cast.secret}"}, timeout=30
            )
            assert (answer.status_code, answer.json()["errorCode"]) == (503, "UNAVAILABLE")
            assert int(answer.headers["Retry-After"]) > 0


def test_a_table_that_is_away_is_no_500_for_a_change(api: str, database: Database, keyring: Keyring) -> None:
    cast = Cast.introduce(database, keyring)
    rows(database, "ALTER TABLE changes RENAME TO away")
    answer = httpx.put(f"{api}/v1/demo{PART}", headers={"Authorization": f"Bearer {cast.secret}"}, timeout=30)
    assert (answer.status_code, answer.json()["errorCode"]) == (503, "UNAVAILABLE")
    assert "relation" not in answer.text
