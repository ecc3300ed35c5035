"""Files that a backend uploads: kept like those of mails, sent by their token as often as one likes."""

from io import BytesIO
from typing import Any
from uuid import UUID

import httpx
import pytest
from PIL import Image
from support.cast import Cast
from support.refusals import HELLO, MESSAGES, SAY, reasons
from support.servers import Stack
from support.sql import column, rows
from support.statements import counted

from mailtalk import clock, file_uses
from mailtalk.conversations import conversations, messages
from mailtalk.conversations.drafts import Draft
from mailtalk.file_uses import FileToken
from mailtalk.ids import ConversationKey
from mailtalk.notifications.windows import Pace
from mailtalk.vocabulary import MessageType, Origin

PLAN = ("plan.pdf", b"%PDF-1.7 the plan", "application/pdf")
TOKEN = {"type": "UserMessage", "sender": "alice"}
OTHER = "/conversations/other"
NAMED = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nx\r\n--b--\r\n'
STORED = "SELECT count(*) FROM files WHERE app_id = :app"


@pytest.fixture
def cast(stack: Stack) -> Cast:
    return stack.introduce()


@pytest.fixture(autouse=True)
def _joined(http: httpx.Client) -> None:
    done(http.put(OTHER, json={"subject": "Other"}))
    for conversation in (HELLO, OTHER):
        done(http.put(f"{conversation}/participants/alice"))


def done(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json()


def uploaded(http: httpx.Client, file: Any = PLAN, **more: Any) -> str:
    tokens = done(http.post("/files", files={"file": file}, **more))
    assert tokens.keys() == {"attachmentToken", "fileToken"}
    return str(tokens["fileToken"])


def sent(http: httpx.Client, message: dict[str, Any], conversation: str = HELLO) -> Any:
    (posted,) = done(http.post(f"{conversation}/messages", json=[message]))
    return done(http.get(f"{conversation}/messages/{posted['id']}"))


def stored(cast: Cast) -> int:
    (count,) = column(cast.database, STORED, app=cast.app_id)
    return int(count)


def test_an_upload_is_sent_by_its_attachment_token(http: httpx.Client) -> None:
    token = uploaded(http)
    message = sent(http, TOKEN | {"attachmentToken": token})
    assert (message["text"], message["attachment"]["size"]) == ("", len(PLAN[1]))
    (block,) = message["content"]
    url = message["attachment"]["url"]
    assert block == {"type": "file", "url": url, "size": 17, "filename": "plan.pdf", "fileToken": token}
    answer = httpx.get(url)
    assert (answer.content, answer.headers["content-type"]) == (PLAN[1], "application/pdf")
    assert "plan.pdf" in answer.headers["content-disposition"]


def test_an_uploaded_picture_has_a_thumbnail_and_a_broken_one_is_a_file(http: httpx.Client, cast: Cast) -> None:
    picture = BytesIO()
    Image.new("RGB", (1200, 900)).save(picture, "PNG")
    for content in (picture.getvalue(), b"no picture"):
        token = uploaded(http, ("yard.png", content, "image/png"))
        block = sent(http, TOKEN | {"attachmentToken": token})["content"][0]
        assert block.keys() == {"type", "url", "size", "filename", "fileToken"}
    shown = column(cast.database, "SELECT attachment -> 'thumbnail' FROM messages WHERE app_id = :app", app=cast.app_id)
    assert shown == [{"type": "image/jpeg", "width": 600, "height": 450}, None]


def test_content_of_an_answer_is_content_of_a_request(http: httpx.Client) -> None:
    first = sent(
        http,
        TOKEN | {"content": [{"type": "text", "children": ["See"]}, {"type": "file", "fileToken": uploaded(http)}]},
    )
    again = sent(http, TOKEN | {"content": first["content"]}, OTHER)
    assert (again["text"], again["attachment"]) == ("See", first["attachment"])
    assert again["content"] == first["content"]


def test_a_text_may_be_emptied_beside_a_file_alone(http: httpx.Client) -> None:
    message = sent(http, TOKEN | {"text": "See", "attachmentToken": uploaded(http)})
    done(http.put(f"{MESSAGES}/{message['id']}", json={"text": ""}))
    emptied = done(http.get(f"{MESSAGES}/{message['id']}"))
    assert (emptied["text"], [block["type"] for block in emptied["content"]]) == ("", ["file"])
    plain = sent(http, SAY)
    for edit in ({"text": " "}, {"content": [{"type": "text", "children": [""]}]}):
        assert list(reasons(http.put(f"{MESSAGES}/{plain['id']}", json=edit))) == ["text"]


def test_a_file_lives_as_long_as_a_message_has_it(http: httpx.Client, cast: Cast) -> None:
    token = uploaded(http)
    first, second, third = (sent(http, TOKEN | {"attachmentToken": token}, place) for place in (HELLO, OTHER, OTHER))
    done(http.delete(f"{MESSAGES}/{first['id']}"))
    assert httpx.get(second["attachment"]["url"]).content == PLAN[1]
    done(http.delete(f"{OTHER}/messages/{second['id']}"))
    assert httpx.get(third["attachment"]["url"]).status_code == 200
    fourth = sent(http, TOKEN | {"attachmentToken": token})
    done(http.delete(OTHER))
    assert httpx.get(fourth["attachment"]["url"]).status_code == 200
    done(http.delete(HELLO))
    assert (httpx.get(fourth["attachment"]["url"]).status_code, stored(cast)) == (404, 0)


def test_a_token_is_of_one_app(http: httpx.Client, stack: Stack) -> None:
    token = uploaded(http)
    with stack.client(stack.introduce()) as stranger:
        done(stranger.put(f"{HELLO}/participants/alice"))
        wrong = stranger.post(MESSAGES, json=[SAY, TOKEN | {"attachmentToken": token}])
        assert list(reasons(wrong)) == ["1.attachmentToken"]
        assert done(stranger.get(MESSAGES))["data"] == []


@pytest.mark.parametrize(
    ("message", "field"),
    [
        ({"attachmentToken": "0" * 32}, "0.attachmentToken"),
        ({"attachmentToken": "x" * 32}, "0.attachmentToken"),
        ({"attachmentToken": "é"}, "0.attachmentToken"),
        ({"attachmentToken": []}, "0.attachmentToken"),
        ({"attachmentToken": ""}, "0.text"),
        ({"content": [{"type": "file", "fileToken": "0" * 32}]}, "0.content"),
        ({"content": [{"type": "file"}]}, "0.content"),
        ({"content": [{"type": "file", "url": "https://example.com/a"}]}, "0.content"),
        ({"attachmentToken": "0" * 32, "attachment": {"url": "https://example.com/a", "size": 1}}, "0.attachmentToken"),
        ({"attachmentToken": "0" * 32, "content": [{"type": "text", "children": ["x"]}]}, "0.content"),
    ],
)
def test_a_wrong_token_is_named(http: httpx.Client, message: dict[str, Any], field: str) -> None:
    assert next(iter(reasons(http.post(MESSAGES, json=[TOKEN | message])))) == field


def test_an_upload_is_imported_and_posted_once(http: httpx.Client) -> None:
    token = uploaded(http)
    once = TOKEN | {"attachmentToken": token, "idempotencyKey": "once"}
    assert sent(http, once)["id"] == sent(http, once)["id"]
    (posted,) = done(http.post(f"/import{MESSAGES}", json=[TOKEN | {"attachmentToken": token, "createdAt": 10**12}]))
    assert done(http.get(f"{MESSAGES}/{posted['id']}"))["attachment"]["size"] == len(PLAN[1])


def test_names_and_types_are_made_safe(http: httpx.Client) -> None:
    token = uploaded(http, ("../../e\u202evil.html", b"<script>", "text/html; charset=utf-8"))
    message = sent(http, TOKEN | {"attachmentToken": token})
    assert message["content"][0]["filename"] == "evil.html"
    answer = httpx.get(message["attachment"]["url"])
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment")


@pytest.mark.parametrize("size", [0, 1, 131_072, 3_000_000])
def test_a_file_of_any_size(http: httpx.Client, size: int) -> None:
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    message = sent(http, TOKEN | {"attachmentToken": uploaded(http, ("a.bin", content))})
    assert httpx.get(message["attachment"]["url"]).content == content


def test_too_large_a_file_is_413_before_it_has_come_whole(http: httpx.Client, stack: Stack, cast: Cast) -> None:
    most = stack.settings.smtp_message_bytes
    answer = http.post("/files", files={"file": ("a.bin", b"x" * (most + 1))})
    assert (answer.status_code, answer.json()["errorCode"], list(answer.json()["reasons"])) == (
        413,
        "TOO_LARGE",
        ["file"],
    )
    assert stored(cast) == 0


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        ({"json": {"file": "x"}}, "body"),
        ({"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}, "body"),
        ({"content": b"x", "headers": {"Content-Type": "multipart/form-data; boundary=b"}}, "body"),
        ({"content": b"--b\r\n\r\nx", "headers": {"Content-Type": "multipart/form-data; boundary=b"}}, "body"),
        ({"content": NAMED, "headers": {"Content-Type": "multipart/form-data; boundary=b; charset=undefined"}}, "body"),
        ({"content": NAMED, "headers": {"Content-Type": f"multipart/form-data; boundary={'b' * 500}"}}, "body"),
        ({"files": {"other": PLAN}}, "file"),
        ({"files": {"file": (None, b"no name")}}, "file"),
        ({"files": [("file", PLAN), ("file", PLAN)]}, "body"),
        ({"files": {"file": PLAN}, "data": {f"field{i}": "x" for i in range(30)}}, "body"),
        ({"files": {"file": PLAN}, "data": {"field": "x" * 20_000}}, "body"),
        ({}, "body"),
    ],
)
def test_a_malformed_upload_is_named(http: httpx.Client, cast: Cast, request_: dict[str, Any], field: str) -> None:
    assert list(reasons(http.post("/files", **request_))) == [field]
    assert stored(cast) == 0


def test_other_fields_are_ignored_and_a_credential_is_needed(http: httpx.Client, stack: Stack, cast: Cast) -> None:
    uploaded(http, data={"width": "640", "height": "480"})
    assert httpx.post(f"{stack.api}/v1/{cast.app_id}/files", files={"file": PLAN}).status_code == 401


def test_a_repeat_with_its_idempotency_key_is_the_same_upload(http: httpx.Client, cast: Cast) -> None:
    key = {"Idempotency-Key": "upload-1"}
    assert uploaded(http, headers=key) == uploaded(http, headers=key)
    assert stored(cast) == 1
    other = http.post("/files", files={"file": ("other.pdf", b"other")}, headers=key)
    assert (other.status_code, other.json()["errorCode"]) == (422, "IDEMPOTENCY_KEY_REUSED")


def test_what_no_message_used_within_a_day_is_purged(http: httpx.Client, cast: Cast) -> None:
    used, unused, fresh = (uploaded(http) for _ in range(3))
    message = sent(http, TOKEN | {"attachmentToken": used})
    old = "UPDATE files SET created_at = created_at - interval '25 hours' WHERE app_id = :app AND id <> :fresh"
    rows(cast.database, old, app=cast.app_id, fresh=UUID(fresh))
    with cast.database.transaction() as session:
        assert file_uses.purge(session, clock.now()) == 1
        assert file_uses.purge(session, clock.now()) == 0
    assert httpx.get(message["attachment"]["url"]).status_code == 200
    assert list(reasons(http.post(MESSAGES, json=[TOKEN | {"attachmentToken": unused}]))) == ["0.attachmentToken"]
    sent(http, TOKEN | {"attachmentToken": fresh})


def test_the_number_of_statements_does_not_grow_with_the_files(http: httpx.Client, stack: Stack, cast: Cast) -> None:
    counts = []
    for number in (1, 10):
        tokens = [FileToken("attachmentToken", uploaded(http)) for _ in range(number)]
        drafts = [Draft(MessageType.USER, "", Origin.REST, "alice", file=token) for token in tokens]
        with counted(cast.database) as posting, cast.database.transaction() as session:
            conversation = conversations.lock(session, ConversationKey(cast.app_id, "other"))
            posted = messages.post(session, clock.now(), Pace.of(stack.settings), conversation, drafts)
            assert len(posted) == number
        with counted(cast.database) as deleting, cast.database.transaction() as session:
            conversations.delete(session, ConversationKey(cast.app_id, "other"), clock.now())
        counts.append((posting.counts, deleting.counts))
        done(http.put(OTHER))
        done(http.put(f"{OTHER}/participants/alice"))
    assert counts[0] == counts[1]
