"""What TalkJS's own clients send and expect, line by line of what was found missing."""

import gzip
import json
from typing import Any

import httpx
import pytest
from support.cast import Cast
from support.refusals import ALICE, HELLO, MESSAGES, PART, SAY, reasons
from support.servers import Stack
from support.sql import rows

pytestmark = pytest.mark.usefixtures("worker")
LONG_AGO = 1_500_000_000_000
BULK = f"{HELLO}/participants"
IMPORT = f"/import{MESSAGES}"


@pytest.fixture
def cast(stack: Stack) -> Cast:
    return stack.introduce()


def done(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", ALICE, "[]"),
        ("PUT", ALICE, '{"custom": [], "pushTokens": []}'),
        ("PUT", "/users", '{"alice": {"custom": []}, "bob": []}'),
        ("PUT", HELLO, '{"custom": []}'),
        ("PUT", PART, "[]"),
        ("DELETE", PART, "[]"),
        ("POST", MESSAGES, '[{"type": "SystemMessage", "text": "Hi", "custom": []}]'),
        ("PUT", "", "[]"),
    ],
)
def test_phps_empty_array_is_an_empty_object(http: httpx.Client, method: str, path: str, body: str) -> None:
    done(http.request(method, path, content=body))


@pytest.mark.parametrize("body", ['{"custom": [1]}', '{"custom": ["a"]}', '{"name": []}', '{"email": {}}'])
def test_other_arrays_are_no_objects(http: httpx.Client, body: str) -> None:
    reasons(http.put(ALICE, content=body))


def test_a_bom_before_json(http: httpx.Client) -> None:
    done(http.put(ALICE, content=b"\xef\xbb\xbf" + b'{"name": "Alison"}'))
    assert http.get(ALICE).json()["name"] == "Alison"


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip"])
def test_a_gzipped_body(http: httpx.Client, encoding: str) -> None:
    zipped = gzip.compress(b'{"name": "Alison"}')
    done(http.put(ALICE, content=zipped, headers={"Content-Encoding": encoding}))
    assert http.get(ALICE).json()["name"] == "Alison"


def test_a_gzipped_body_is_held_to_the_limit_of_its_content(http: httpx.Client) -> None:
    bomb = gzip.compress(b'{"name": "' + b"x" * 5_000_000 + b'"}')
    assert len(bomb) < 10_000
    assert http.put(ALICE, content=bomb, headers={"Content-Encoding": "gzip"}).status_code == 413
    assert list(reasons(http.put(ALICE, content=b"{}", headers={"Content-Encoding": "gzip"}))) == ["body"]


def test_another_encoding_is_415(http: httpx.Client) -> None:
    answer = http.put(ALICE, content=b"{}", headers={"Content-Encoding": "br"})
    assert (answer.status_code, answer.json()["errorCode"]) == (415, "UNSUPPORTED_ENCODING")


@pytest.mark.parametrize(("value", "count"), [("true", 0), ("True", 0), ("1", 0), ("false", 4), ("False", 4), ("0", 4)])
def test_booleans_in_a_query_and_nobody_is_online(http: httpx.Client, value: str, count: int) -> None:
    assert len(done(http.get(f"/users?isOnline={value}"))["data"]) == count


def test_a_filter_that_was_encoded_twice(http: httpx.Client) -> None:
    done(http.put(HELLO, json={"custom": {"category": "shoes"}}))
    once = '{"custom":{"category":"shoes"}}'
    for text in (once, str(httpx.QueryParams({"": once}))[1:]):
        assert len(done(http.get("/conversations", params={"filter": text}))["data"]) == 1


def test_an_empty_batch_is_an_empty_answer(http: httpx.Client) -> None:
    assert done(http.post("/batch", json=[])) == []


def test_put_users_names_user_and_field(http: httpx.Client) -> None:
    wrong = reasons(http.put("/users", json={"erin": {"name": "Erin"}, "frank": {"name": 5}}))
    assert list(wrong) == ["frank.name"]
    assert list(reasons(http.put("/users", json={"erin": {"custom": {"a": 1}}}))) == ["erin.custom"]
    assert http.get("/users/erin").status_code == 404


def test_users_have_availability_text_and_header_photo_url(http: httpx.Client) -> None:
    done(http.put(ALICE, json={"availabilityText": "9 to 5", "headerPhotoUrl": "https://example.com/h.png"}))
    alice = done(http.get(ALICE))
    assert (alice["availabilityText"], alice["headerPhotoUrl"]) == ("9 to 5", "https://example.com/h.png")
    done(http.put(ALICE, json={"availabilityText": None, "headerPhotoUrl": None}))
    alice = done(http.get(ALICE))
    assert (alice["availabilityText"], alice["headerPhotoUrl"], alice["pushTokens"]) == (None, None, {})


def test_the_app_is_read_and_set(http: httpx.Client, cast: Cast) -> None:
    assert done(http.get("")) == {"id": cast.app_id, "name": cast.app_id, "defaultLocale": None, "custom": {}}
    assert done(http.put("", json={"defaultLocale": "de-DE", "custom": {"plan": "gold"}})) == {}
    done(http.put("", json={"custom": {"size": "xl"}}))
    app = done(http.get("/"))
    assert (app["defaultLocale"], app["custom"]) == ("de-DE", {"plan": "gold", "size": "xl"})


def test_presences_and_sessions_are_empty(http: httpx.Client) -> None:
    assert done(http.post("/presences", json={"userIds": ["alice"]})) == {"data": {}}
    assert done(http.get("/users/alice/sessions")) == []


def test_a_backend_posts_for_a_read_participant(http: httpx.Client) -> None:
    done(http.put(PART, json={"access": "Read"}))
    (posted,) = done(http.post(MESSAGES, json=[SAY]))
    assert done(http.get(f"{MESSAGES}/{posted['id']}"))["senderId"] == "alice"
    done(http.patch(PART, json={"access": "None"}))
    assert list(reasons(http.post(MESSAGES, json=[SAY]))) == ["0.sender"]


@pytest.mark.parametrize("text", ["", "  \n"])
def test_a_blank_text_with_a_file_is_a_message(http: httpx.Client, text: str) -> None:
    done(http.put(PART))
    file = {"attachment": {"url": "https://example.com/a.pdf", "size": 7}}
    done(http.post(MESSAGES, json=[SAY | {"text": text} | file]))
    assert list(reasons(http.post(MESSAGES, json=[SAY | {"text": text}]))) == ["0.text"]


@pytest.mark.parametrize("name", ["createdAt", "timestamp"])
def test_import_takes_the_time_by_either_name(http: httpx.Client, name: str) -> None:
    done(
        http.post(IMPORT, json=[SAY | {name: LONG_AGO}, {"type": "SystemMessage", "text": "Paid", name: LONG_AGO + 1}])
    )
    found = done(http.get(MESSAGES))["data"]
    assert [message["createdAt"] for message in found] == [LONG_AGO + 1, LONG_AGO]


@pytest.mark.parametrize("name", ["createdAt", "timestamp"])
def test_a_time_in_seconds_is_400(http: httpx.Client, name: str) -> None:
    assert list(reasons(http.post(IMPORT, json=[SAY | {name: LONG_AGO // 1000}]))) == [f"0.{name}"]
    assert list(reasons(http.post(IMPORT, json=[SAY]))) == ["0.createdAt"]


@pytest.mark.parametrize(("version", "topic"), [("2021-02-09", None), ("2021-07-30", None), ("2024-01-01", "hello")])
def test_topic_id_is_null_in_old_versions(http: httpx.Client, version: str, topic: str | None) -> None:
    headers = {"TalkJS-REST-Version": version}
    assert done(http.get(HELLO, headers=headers))["topicId"] == topic
    assert done(http.get("/conversations", headers=headers))["data"][0]["topicId"] == topic


def test_conversations_in_all_events_have_their_participants(http: httpx.Client, stack: Stack, cast: Cast) -> None:
    done(http.put("/webhooks/main", json={"url": "https://mailtalk.invalid/"}))
    done(http.put(PART))
    done(http.patch(PART, json={"notify": False}))
    done(http.post(MESSAGES, json=[SAY]))
    query = """SELECT type, data -> 'conversation' -> 'participants' FROM events
        WHERE app_id = :app AND data -> 'conversation' IS NOT NULL"""
    told = dict(rows(stack.database, query, app=cast.app_id))
    assert told.keys() >= {"participant.joined", "participant.updated", "message.sent"}
    assert all(participants.keys() == {"alice"} for participants in told.values()), json.dumps(told)


def joined(http: httpx.Client, *users: str) -> None:
    for user in users:
        done(http.put(f"{BULK}/{user}"))


def test_read_until_and_unread_by_participant(http: httpx.Client) -> None:
    joined(http, "alice", "bob")
    assert [done(http.get(PART))[name] for name in ("isUnread", "readUntil")] == [False, None]
    bob = SAY | {"sender": "bob"}
    times = [done(http.get(f"{MESSAGES}/{post(http, bob)}"))["createdAt"] for _ in range(3)]
    assert [done(http.get(PART))[name] for name in ("isUnread", "readUntil")] == [True, None]
    done(http.patch(PART, json={"readUntil": times[1]}))
    assert [done(http.get(PART))[name] for name in ("isUnread", "readUntil")] == [True, times[1]]
    assert done(http.get(HELLO))["everyoneReadUntil"] == times[1]
    done(http.patch(PART, json={"readUntil": times[2], "notify": "MentionsOnly"}))
    alice = next(each for each in done(http.get(BULK))["data"] if each["id"] == "alice")
    assert [alice[name] for name in ("isUnread", "readUntil", "notify")] == [False, times[2], "MentionsOnly"]
    assert done(http.get(HELLO))["everyoneReadUntil"] == times[2]
    assert done(http.get(HELLO))["participants"]["alice"] == {"access": "ReadWrite", "notify": "MentionsOnly"}


def post(http: httpx.Client, message: dict[str, Any]) -> str:
    (posted,) = done(http.post(MESSAGES, json=[message]))
    return str(posted["id"])


def test_read_until_of_many_participants(http: httpx.Client, stack: Stack, cast: Cast) -> None:
    joined(http, "alice", "bob", "carol")
    times = [done(http.get(f"{MESSAGES}/{post(http, SAY | {'sender': 'bob'})}"))["createdAt"] for _ in range(3)]
    done(http.put("/webhooks/main", json={"url": "https://mailtalk.invalid/", "events": ["message.read"]}))
    actions = [
        {"id": 1, "method": "PATCH", "params": {"userId": "alice", "readUntil": times[1]}},
        {"id": 2, "method": "PATCH", "params": {"userId": "carol", "readUntil": times[2], "notify": False}},
        {"id": 3, "method": "PATCH", "params": {"userId": "dave", "readUntil": times[2]}},
        {"id": 4, "method": "PATCH", "params": {"userId": "bob", "readUntil": -1}},
        {"id": 5, "method": "PUT", "params": {"userId": "dave"}},
        {"id": 6, "method": "PATCH", "params": {"userId": "dave", "readUntil": times[2]}},
    ]
    responses = done(http.post(BULK, json={"actions": actions}))["responses"]
    assert [each["status"] for each in responses] == [200, 200, 404, 400, 200, 200]
    assert list(responses[3]["reasons"]) == ["params.readUntil"]
    seen = {each["id"]: (each["readUntil"], each["isUnread"], each["notify"]) for each in done(http.get(BULK))["data"]}
    assert seen["alice"] == (times[1], True, True)
    assert (seen["carol"], seen["dave"]) == ((times[2], False, False), (times[2], False, True))
    query = "SELECT data -> 'recipient' ->> 'id', count(*) FROM events WHERE app_id = :app GROUP BY 1"
    assert dict(map(tuple, rows(stack.database, query, app=cast.app_id))) == {"alice": 2, "carol": 3, "dave": 3}


def test_marking_as_unread(http: httpx.Client) -> None:
    joined(http, "alice", "bob")
    for sender in ("bob", "bob", "alice"):
        post(http, SAY | {"sender": sender})
    done(http.post(f"{HELLO}/readBy/alice"))
    done(http.patch(f"{ALICE}{HELLO}", json={"unread": True}))
    (hello,) = done(http.get(f"{ALICE}/conversations"))["data"]
    assert (hello["isUnread"], hello["unreadMessageCount"]) == (True, 1)
    assert http.patch(f"/users/carol{HELLO}", json={"unread": True}).status_code == 404


def test_read_until_of_no_participant_is_404(http: httpx.Client) -> None:
    answer = http.patch(PART, json={"readUntil": LONG_AGO})
    assert (answer.status_code, answer.json()["errorCode"]) == (404, "PARTICIPANT_NOT_FOUND")


def test_reactions(http: httpx.Client, stack: Stack, cast: Cast) -> None:
    joined(http, "alice", "bob")
    done(http.put("/webhooks/main", json={"url": "https://mailtalk.invalid/", "events": ["message.reactionUpdated"]}))
    message = f"{MESSAGES}/{post(http, SAY)}"
    for emoji, user in (("👍", "bob"), ("👍", "bob"), ("👍", "alice"), (":tada:", "alice")):
        assert done(http.put(f"{message}/reactions/{emoji}/{user}")) == {}
    assert done(http.get(f"{message}/reactions"))["data"] == [
        {"emoji": "👍", "userIds": ["bob", "alice"]},
        {"emoji": ":tada:", "userIds": ["alice"]},
    ]
    assert done(http.get(f"{message}/reactions/👍"))["data"] == ["bob", "alice"]
    counted = [{"emoji": "👍", "count": 2}, {"emoji": ":tada:", "count": 1}]
    assert done(http.get(message))["reactions"] == counted
    for _ in range(2):
        assert done(http.delete(f"{message}/reactions/👍/bob")) == {}
    assert done(http.get(message))["reactions"] == [{"emoji": "👍", "count": 1}, counted[1]]
    query = "SELECT data -> 'reaction' ->> 'emoji', data -> 'reaction' ->> 'added' FROM events WHERE app_id = :app"
    told = [tuple(row) for row in rows(stack.database, query + " ORDER BY id", app=cast.app_id)]
    assert told == [("👍", "true"), ("👍", "true"), (":tada:", "true"), ("👍", "false")]
    done(http.delete(message))


def test_reactions_of_no_participant_to_no_message_or_without_an_emoji(http: httpx.Client) -> None:
    joined(http, "alice")
    message = f"{MESSAGES}/{post(http, SAY)}"
    assert http.put(f"{message}/reactions/👍/carol").json()["errorCode"] == "PARTICIPANT_NOT_FOUND"
    assert http.put(f"{MESSAGES}/msg_none/reactions/👍/alice").json()["errorCode"] == "MESSAGE_NOT_FOUND"
    assert list(reasons(http.put(f"{message}/reactions/{'x' * 65}/alice"))) == ["emoji"]
    for number in range(50):
        done(http.put(f"{message}/reactions/e{number}/alice"))
    assert list(reasons(http.put(f"{message}/reactions/e50/alice"))) == ["emoji"]


LINK = {"type": "link", "url": "https://example.com/boots", "children": ["the boots"]}
BOB = {"type": "mention", "id": "bob", "text": "Bob"}
BLOCK = {"type": "text", "children": ["Hi ", BOB, ", see ", LINK, {"type": "bold", "children": ["now"]}]}


def test_content_is_taken_instead_of_text_and_both_are_answered(http: httpx.Client) -> None:
    joined(http, "alice", "bob")
    file = {"type": "file", "url": "https://example.com/a.pdf", "size": 7}
    place = {"type": "location", "latitude": 52.5, "longitude": 13.4}
    blocks = {"type": "UserMessage", "sender": "alice", "content": [BLOCK, place, file]}
    message = done(http.get(f"{MESSAGES}/{post(http, blocks)}"))
    assert message["text"] == "Hi <!!mention:bob|Bob>, see the boots (https://example.com/boots)*now*"
    assert message["content"] == [BLOCK, place, file]
    assert (message["location"], message["attachment"]) == ([52.5, 13.4], {"url": file["url"], "size": 7})


def test_content_is_made_of_text(http: httpx.Client) -> None:
    joined(http, "alice")
    message = done(http.get(f"{MESSAGES}/{post(http, SAY | {'text': 'Hi <!!mention:bob|Bob>!'})}"))
    assert message["content"] == [{"type": "text", "children": ["Hi ", BOB, "!"]}]


def test_content_is_imported_and_edited(http: httpx.Client) -> None:
    old = {"type": "UserMessage", "sender": "alice", "content": [BLOCK], "createdAt": LONG_AGO}
    (posted,) = done(http.post(IMPORT, json=[old]))
    message = f"{MESSAGES}/{posted['id']}"
    assert done(http.get(message))["content"] == [BLOCK]
    done(http.put(message, json={"content": [{"type": "text", "children": ["Later"]}]}))
    assert [done(http.get(message))[name] for name in ("text", "content")] == [
        "Later",
        [{"type": "text", "children": ["Later"]}],
    ]
    done(http.put(message, json={"text": "Last"}))
    assert done(http.get(message))["content"] == [{"type": "text", "children": ["Last"]}]


def test_events_carry_text_and_content(http: httpx.Client, stack: Stack, cast: Cast) -> None:
    joined(http, "alice")
    done(http.put("/webhooks/main", json={"url": "https://mailtalk.invalid/", "events": ["message.sent"]}))
    post(http, {"type": "UserMessage", "sender": "alice", "content": [BLOCK]})
    query = "SELECT data -> 'message' -> 'content', data -> 'message' ->> 'text' FROM events WHERE app_id = :app"
    ((content, text),) = rows(stack.database, query, app=cast.app_id)
    assert content == [BLOCK]
    assert text.startswith("Hi <!!mention:bob|Bob>")


@pytest.mark.parametrize(
    "content",
    [
        [{"type": "text", "children": [7]}],
        [{"type": "text", "children": [{"children": ["x"]}]}],
        [{"type": "text", "children": [{"type": "link", "children": "x"}]}],
        [{"type": "file", "url": "https://example.com/a", "size": 1}] * 2,
        [{"type": "text", "children": ["x" * 100_001]}],
    ],
)
def test_wrong_content_is_400_and_named(http: httpx.Client, content: object) -> None:
    joined(http, "alice")
    message = {"type": "UserMessage", "sender": "alice", "content": content}
    assert next(iter(reasons(http.post(MESSAGES, json=[message])))).startswith("0.content")
    assert list(reasons(http.post(MESSAGES, json=[SAY | {"content": [BLOCK]}]))) == ["0.content"]


BIG = {f"k{i}": "x" * 10_000 for i in range(60)}
MORE = {f"m{i}": "x" * 10_000 for i in range(60)}


@pytest.mark.parametrize("path", [ALICE, HELLO, ""])
def test_custom_is_bounded_after_the_merge(http: httpx.Client, path: str) -> None:
    done(http.put(path, json={"custom": BIG}))
    assert list(reasons(http.put(path, json={"custom": MORE}))) == ["custom"]
    assert done(http.get(path))["custom"] == BIG
    done(http.put(path, json={"custom": None}))
    done(http.put(path, json={"custom": MORE}))


def test_push_tokens_a_map_of_users_and_a_messages_custom_are_bounded_after_the_merge(http: httpx.Client) -> None:
    done(http.put(ALICE, json={"pushTokens": BIG}))
    assert list(reasons(http.put(ALICE, json={"pushTokens": MORE}))) == ["pushTokens"]
    done(http.put(ALICE, json={"custom": BIG}))
    assert list(reasons(http.put("/users", json={"alice": {"custom": MORE}}))) == ["alice.custom"]
    joined(http, "alice")
    message = f"{MESSAGES}/{post(http, SAY | {'custom': BIG})}"
    assert list(reasons(http.put(message, json={"custom": MORE}))) == ["custom"]


@pytest.mark.parametrize(
    "text",
    [
        '{"custom": {"a\\u0000": "x"}}',
        '{"custom": {"a": "\\u0000"}}',
        '{"custom": {"a": ["oneOf", ["\\u0000"]]}}',
        '{"custom": {"a\x00": "x"}}',
        "%7B%22custom%22%3A%7B%22a%00%22%3A%22b%22%7D%7D",
    ],
)
def test_nul_in_a_filter_is_400(http: httpx.Client, text: str) -> None:
    assert next(iter(reasons(http.get("/conversations", params={"filter": text})))).startswith("filter")
