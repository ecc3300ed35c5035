"""The description of the API: valid, complete, and true of what the API answers."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

import httpx
import jsonschema_rs
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR
from support.cast import Cast
from support.inbox import quarantined
from support.sql import rows

from api.app import OPERATIONS
from api.openapi.document import document
from api.routing import APP
from mailtalk.vocabulary import EventType

Json = dict[str, Any]
DOCUMENT = document(OPERATIONS)
DESCRIBED = [
    pytest.param(path, method, operation, id=operation["operationId"])
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]
# What client generators show first; the names are the field's and stay.
NAMES = {
    *("Change", "Conversation", "ConversationUpdate", "Error", "Event", "InboundMail", "Message", "MessageUpdate"),
    *("NewMessage", "NewParticipant", "Notification", "Participant", "ParticipantUpdate", "User", "UserConversation"),
    *("UserPage", "UserUpdate", "Webhook", "WebhookDelivery", "WebhookUpdate"),
}


def test_it_is_openapi_3_1() -> None:
    assert [error.message for error in OPENAPI_31_VALIDATOR.iter_errors(DOCUMENT)] == []


def test_every_operation_has_a_route(api: str) -> None:
    for operation in OPERATIONS:
        answer = httpx.request(operation.method, api + operation.url)
        assert answer.status_code != 404 or answer.json()["errorCode"] != "NOT_FOUND"


def test_names_are_unique_and_tags_are_described() -> None:
    names = [operation.name for operation in OPERATIONS]
    assert len(names) == len(set(names))
    assert {operation.tag for operation in OPERATIONS} == {tag["name"] for tag in DOCUMENT["tags"]}


def test_every_summary_is_one_line_and_every_type_has_a_name_of_its_own() -> None:
    summaries = [operation["summary"] for methods in DOCUMENT["paths"].values() for operation in methods.values()]
    assert all(0 < len(summary) <= 80 and "\n" not in summary for summary in summaries)
    names = DOCUMENT["components"]["schemas"].keys()
    assert names >= NAMES
    assert all(re.fullmatch("[A-Z][A-Za-z]+", name) for name in names)


def test_generators_can_read_it() -> None:
    for node in _nodes(DOCUMENT):
        assert node.get("items") is not False
        assert node.get("type") != "null"  # alone; beside other types it stands in an anyOf


@pytest.mark.parametrize(("path", "method", "operation"), DESCRIBED)
def test_examples_are_what_their_schemas_say(path: str, method: str, operation: Json) -> None:
    for schema, example in _examples(operation):
        _check(schema, example)


@pytest.mark.parametrize("kind", EventType)
def test_every_event_is_described_and_its_example_is_what_its_schema_says(kind: EventType) -> None:
    operation = DOCUMENT["webhooks"][kind]["post"]
    for schema, example in _examples(operation | {"responses": {}}):
        _check(schema, example)


@pytest.mark.parametrize(("path", "method", "operation"), DESCRIBED)
def test_every_status_says_why_and_errors_have_the_one_shape(path: str, method: str, operation: Json) -> None:
    for status, response in ((status, _resolved(each)) for status, each in operation["responses"].items()):
        assert response["description"]
        if status >= "400" and path != "/readyz":
            assert response["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Error"}
    if path.startswith(APP):
        assert {"200", "400", "401", "404", "503"} <= operation["responses"].keys()


def test_the_document_is_served_without_a_credential(api: str) -> None:
    answer = httpx.get(f"{api}/openapi.json")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.json() == DOCUMENT


def test_a_405_allows_all_that_the_path_knows(api: str) -> None:
    answer = httpx.post(f"{api}{APP.format(appId='demo')}/users/alice")
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "PUT", "DELETE"}


HELLO = {"type": "UserMessage", "sender": "alice", "text": "Hello"}
WRONG = {"id": "wrong", "method": "PUT", "params": {"userId": "dave", "access": "Own"}}
LATE = {"id": 2, "method": "DELETE", "params": {"userId": "carol"}}
TOUR = (
    ("GET", "", None, 200),
    ("PUT", "", {"defaultLocale": "en-GB", "custom": {"plan": "gold"}}, 200),
    ("POST", "/presences", {"userIds": ["alice"]}, 200),
    ("GET", "/users/alice/sessions", None, 200),
    ("GET", "/users?isOnline=true", None, 200),
    ("PUT", "/users", {"erin": {"name": "Erin", "email": "erin@example.com", "custom": {"plan": "gold"}}}, 200),
    ("PUT", "/users/frank", {"name": "Frank", "email": ["frank@example.com", "f@example.com"], "phone": "+49"}, 200),
    ("PUT", "/users/nobody", {}, 400),
    ("GET", "/users/frank", None, 200),
    ("GET", "/users?limit=3", None, 200),
    ("GET", "/users?limit=0", None, 400),
    ("GET", "/users/nobody", None, 404),
    ("PUT", "/conversations/tour", {"subject": "Tour", "participants": ["erin", "frank"]}, 200),
    ("PUT", "/conversations/tour", {"participants": ["nobody"]}, 404),
    ("GET", "/conversations/tour", None, 200),
    ("GET", "/conversations?orderBy=createdAt", None, 200),
    ("PUT", "/conversations/tour/participants/alice", {"access": "Read", "notify": "MentionsOnly"}, 200),
    ("PUT", "/conversations/tour/participants/alice", {"access": "None"}, 400),
    ("PATCH", "/conversations/tour/participants/alice", {"access": "ReadWrite"}, 200),
    ("GET", "/conversations/tour/participants/alice", None, 200),
    ("GET", "/conversations/tour/participants/alice/email", None, 200),
    ("PATCH", "/conversations/tour/participants/dave", {"notify": False}, 404),
    ("POST", "/conversations/tour/messages", [HELLO], 200),
    ("POST", "/conversations/tour/messages", [{"type": "SystemMessage", "text": "Paid"}], 200),
    ("POST", "/conversations/tour/messages", [], 400),
    ("GET", "/conversations/tour/messages", None, 200),
    ("GET", "/conversations/tour", None, 200),
    ("GET", "/users/alice/conversations?unreadsOnly=true", None, 200),
    ("GET", "/users/nobody/conversations", None, 404),
    ("GET", "/conversations/tour/participants?limit=1", None, 200),
    ("POST", "/conversations/tour/participants", {"actions": [WRONG, LATE]}, 200),
    ("POST", "/conversations/tour/participants/alice/email/rotate", None, 200),
    ("POST", "/conversations/tour/participants/dave/email/rotate", None, 404),
    ("GET", "/conversations/tour/participants/alice/notifications", None, 200),
    ("POST", "/conversations/tour/readBy/alice", None, 200),
    ("PATCH", "/users/alice/conversations/tour", {"readUntil": 1_700_000_000_000}, 200),
    ("POST", "/import/conversations/tour/messages", [HELLO | {"timestamp": 1_500_000_000_000}], 200),
    ("POST", "/batch", [[1, "GET", "/users/alice"], [2, "GET", "/users/nobody"]], 200),
    ("GET", "/changes?conversationId=tour", None, 200),
    ("GET", "/changes", None, 400),
    ("GET", "/changes/chg_1", None, 200),
    ("GET", "/changes/chg_999999", None, 404),
    ("GET", "/inbound-mails?outcome=posted", None, 200),
    ("GET", "/inbound-mails?outcome=lost", None, 400),
    ("GET", "/inbound-mails/mail_999999", None, 404),
    ("POST", "/inbound-mails/mail_999999/replay", None, 404),
    ("DELETE", "/conversations/tour/participants/alice", None, 200),
    ("GET", "/conversations/tour/participants/alice", None, 404),
    ("DELETE", "/conversations/tour", None, 200),
    ("PUT", "/webhooks/tour", {"url": "https://mailtalk.invalid/", "events": ["message.sent"]}, 200),
    ("PUT", "/webhooks/tour", {"url": "http://127.0.0.1/", "events": None, "secret": "s"}, 400),
    ("GET", "/webhooks/tour", None, 200),
    ("GET", "/webhooks/nobody", None, 404),
    ("GET", "/webhooks", None, 200),
    ("POST", "/webhooks/tour/test", None, 200),
    ("POST", "/webhooks/tour/rotate-secret", None, 200),
    ("GET", "/webhooks/tour/deliveries?stage=queued", None, 200),
    ("POST", "/webhooks/tour/replay", {"from": 0, "to": 1}, 200),
    ("POST", "/webhooks/tour/replay", {}, 400),
    ("DELETE", "/webhooks/tour", None, 200),
)


def test_real_answers_are_what_the_document_says(api: str, worker: object, cast: Cast) -> None:
    walked = set()
    with httpx.Client(headers={"Authorization": f"Bearer {cast.secret}"}, timeout=20) as http:
        for method, path, body, status in TOUR:
            answer = http.request(method, f"{api}/v1/{cast.app_id}{path}", json=body)
            assert answer.status_code == status, f"{method} {path}: {answer.text}"
            walked.add(_check_answer(answer))
        walked |= _tour_of_a_message(http, f"{api}/v1/{cast.app_id}/conversations/hello/messages")
        walked |= _tour_of_mails(http, f"{api}/v1/{cast.app_id}/inbound-mails", cast)
        for path in ("/healthz", "/readyz"):
            walked.add(_check_answer(http.get(api + path)))
        app = f"{api}/v1/{cast.app_id}"
        walked.add(_check_answer(http.post(f"{app}/files", files={"file": ("plan.pdf", b"%PDF")})))
        walked |= {_check_answer(http.delete(f"{app}/users/alice?messages={how}")) for how in ("remove", "anonymise")}
    assert walked >= {
        (each.method, each.path) for each in OPERATIONS if each.name not in ("getDescription", "getDocs", "getFile")
    }


def _tour_of_a_message(http: httpx.Client, messages: str) -> set[tuple[str, str]]:
    """Its id is not known before."""
    attached = {"attachment": {"url": "https://example.com/a.pdf", "size": 7}, "location": [52.5, 13.4]}
    sent = http.post(messages, json=[{"type": "SystemMessage", "text": "Paid", "custom": {"a": "b"}, **attached}])
    message = f"{messages}/{sent.json()[0]['id']}"
    edited = http.put(message, json={"text": "Paid twice"})
    http.put(messages.replace("messages", "participants/alice"))
    verbs = (("PUT", "/x/alice"), ("GET", ""), ("GET", "/x"), ("DELETE", "/x/alice"))
    reactions = [http.request(method, f"{message}/reactions{path}") for method, path in verbs]
    last = (http.get(message), http.delete(message), http.get(message))
    return {_check_answer(each) for each in (sent, edited, *reactions, *last)}


def _tour_of_mails(http: httpx.Client, mails: str, cast: Cast) -> set[tuple[str, str]]:
    asked = [http.post(f"{mails}/{quarantined(cast, 'alice')}/{verb}") for verb in ("release", "replay")]
    again = http.post(f"{mails}/{quarantined(cast, 'alice')}/release")
    rows(cast.database, "UPDATE inbound_mails SET outcome = 'posted'")
    late = http.post(f"{mails}/{again.json()['id']}/replay")
    assert late.status_code == 409
    one = http.get(f"{mails}/{again.json()['id']}")
    return {_check_answer(each) for each in (*asked, again, late, one, http.get(mails))}


def test_a_202_and_a_401_are_what_the_document_says(api: str, cast: Cast) -> None:
    joins = f"{api}/v1/{cast.app_id}/conversations/hello/participants/alice"
    bearer = {"Authorization": f"Bearer {cast.secret}"}
    pending = httpx.put(joins, headers=bearer | {"Prefer": "respond-async"})
    assert pending.status_code == 202
    _check_answer(pending)
    refused = httpx.put(joins)
    assert refused.status_code == 401
    _check_answer(refused)
    unready = httpx.get(f"{api}/readyz")
    assert unready.status_code == 503
    _check_answer(unready)


def test_docs_have_a_section_for_each_operation_and_load_nothing(api: str) -> None:
    answer = httpx.get(f"{api}/docs/api")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "script-src 'sha256-" in policy
    page = Page(answer.text)
    assert {operation.name for operation in OPERATIONS} <= page.ids
    assert page.tags.isdisjoint({"link", "img", "iframe"})
    assert "<script src" not in answer.text
    assert page.tags >= {"main", "nav", "h1", "h2", "h3", "table", "details"}
    assert {link[1:] for link in page.links if link.startswith("#")} <= page.ids
    assert {link for link in page.links if not link.startswith("#")} == {"/docs", "/openapi.json"}
    assert page.doubled == set()
    assert "curl -X PUT" in answer.text
    assert not re.search(r"url\(|@import", answer.text)


class Page(HTMLParser):
    """What a page holds: its tags, ids and links."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.ids: set[str] = set()
        self.doubled: set[str] = set()
        self.links: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        given = dict(attrs)
        if name := given.get("id"):
            self.doubled |= {name} & self.ids
            self.ids.add(name)
        self.links |= {value for key in ("href", "src") if (value := given.get(key))}


def _examples(operation: Json) -> Iterator[tuple[Json, object]]:
    for parameter in map(_resolved, operation["parameters"]):
        if "example" in parameter:
            yield parameter["schema"], parameter["example"]
    contents = [each.get("content", {}) for each in map(_resolved, operation["responses"].values())]
    contents.append(operation.get("requestBody", {}).get("content", {}))
    for content in contents:
        for media in content.values():
            assert "example" in media or media["examples"]
            for example in (
                [media["example"]] if "example" in media else [e["value"] for e in media["examples"].values()]
            ):
                yield media["schema"], example


def _nodes(node: Any) -> Iterator[Json]:
    """Every object of the document but the null of an anyOf."""
    if isinstance(node, dict):
        yield node
        choices = [each for each in node.get("anyOf", ()) if each != {"type": "null"}]
        assert choices or "anyOf" not in node
        node = node | {"anyOf": choices}
    for each in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _nodes(each)


def _check_answer(answer: httpx.Response) -> tuple[str, str]:
    """That an answer is what the document says of it; gives the operation."""
    method = answer.request.method
    path, operation = next(
        (path, methods[method.lower()])
        for path, methods in DOCUMENT["paths"].items()
        if method.lower() in methods and _matches(path, urlsplit(str(answer.request.url)).path)
    )
    response = _resolved(operation["responses"][str(answer.status_code)])
    _check(_closed(response["content"]["application/json"]["schema"]), answer.json())
    required = {name for name, header in response.get("headers", {}).items() if header.get("required")}
    assert required <= {name for name in required if name in answer.headers}
    return method, path.removeprefix(APP)


def _matches(template: str, path: str) -> bool:
    return re.fullmatch(re.sub(r"{\w+}", "[^/]+", template), path) is not None


def _check(schema: Json, value: object) -> None:
    whole = schema | {"components": DOCUMENT["components"]}
    errors = jsonschema_rs.Draft202012Validator(whole, validate_formats=True).iter_errors(value)
    assert [f"{error.instance_path}: {error.message}" for error in errors] == []


def _closed(node: Any) -> Any:
    """A schema with its references put in, in which an object may have no field that is not described."""
    if isinstance(node, list):
        return [_closed(each) for each in node]
    if not isinstance(node, dict):
        return node
    node = _resolved(node)
    closed = {key: _closed(value) for key, value in node.items()}
    return closed | {"additionalProperties": False} if node.get("properties") else closed


def _resolved(node: Json) -> Json:
    while "$ref" in node:
        target: Any = DOCUMENT
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        node = target
    return node
