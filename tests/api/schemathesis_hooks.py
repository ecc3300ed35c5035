"""What no schema can say of a right request: it depends on what is there, or on two fields at once."""

import itertools
import re
from typing import Any
from urllib.parse import quote, unquote

import schemathesis
from schemathesis import Case, HookContext

KEYS = itertools.count()
STARTS = {
    "listMessages": "",
    "listDeliveries": "",
    "listChanges": "",
    "listConversations": "hello",
    "listUserConversations": "",
    "listInboundMails": "",
    "listNotifications": "",
}
WRITING = {"postMessages", "importMessages"}
KEPT, LOST = "hello", "hullo"  # nothing is done to the first, so that Alice may always write in it
NEEDED = {"alice", "bob"}  # they are not erased
SPACE_TO_PYTHON_ONLY = re.compile("[\x1c-\x1f\x85]")
PAST = 1_700_000_000_000
GET_PAYLOAD = 3
FILTERS = (
    '{"custom": {"category": ["oneOf", ["shoes", "boots"]], "size": "exists"}}',
    '{"lastMessageTs": ["<", 1700000000000]}',
    "{}",
)
OLD = {"2021-01-01", "2021-02-09"}
LONGEST = {"emoji": 64}  # characters of a value in a path; of any other it is 255


@schemathesis.hook
def filter_path_parameters(context: HookContext, path_parameters: dict[str, Any] | None) -> bool:
    """Drop values that are short enough, but not as they are encoded.

    Where a link sets one value of a path, schemathesis measures the others encoded, and calls a right request wrong.
    """
    values = {name: str(value) for name, value in (path_parameters or {}).items()}
    most = {name: LONGEST.get(name, 255) for name in values}
    return not any(len(unquote(value)) <= most[name] < len(value) for name, value in values.items())


@schemathesis.hook
def before_call(context: HookContext, case: Case, kwargs: dict[str, Any]) -> None:
    name = case.operation.definition.raw.get("operationId")
    if name not in WRITING and case.method != "GET" and case.path_parameters.get("conversationId") == KEPT:
        case.path_parameters["conversationId"] = LOST
    if name == "eraseUser" and case.path_parameters.get("userId") in NEEDED:
        case.path_parameters["userId"] = "zoe"
    if case.meta is not None and case.meta.generation.mode.is_positive:
        case.path_parameters.update({key: _of_path(value) for key, value in case.path_parameters.items()})
        if isinstance(case.body, list | dict):
            case.body = _as_we_read_it(case.body)
        _with_key(case)
        _with_query(case, name)
        MENDED.get(name, _as_it_is)(case)


def _with_key(case: Case) -> None:
    """A key that was used for another request is refused."""
    for name in [each for each in case.headers if each.lower() == "idempotency-key"]:
        case.headers[name] = f"key {next(KEYS)}"


def _with_query(case: Case, name: str) -> None:
    """Where a page starts must be there."""
    for parameter in ("startingAfter", "asUser"):
        if parameter in case.query:
            case.query[parameter] = STARTS.get(name, "alice") if parameter == "startingAfter" else "alice"
            if not case.query[parameter]:
                del case.query[parameter]


def _with_filter(case: Case) -> None:
    """A filter is JSON of its own."""
    if "filter" in case.query:
        case.query["filter"] = FILTERS[next(KEYS) % len(FILTERS)]


def _of_path(value: object) -> str:
    """An id that is encoded already."""
    text = unquote(str(value))
    return str(value) if text.isprintable() else quote(_printable(text), safe="")


def _printable(text: str) -> str:
    # schemathesis reads \p{L} and its like more widely than they are.
    return "".join(each if each.isprintable() else "x" for each in text)


def _as_we_read_it(value: Any) -> Any:
    """To JSON Schema 7.0 is an integer, and U+001C is no white space; to us the one is not, and the other is."""
    if isinstance(value, list):
        return [_as_we_read_it(each) for each in value]
    if isinstance(value, dict):
        return {key: _as_we_read_it(each) for key, each in value.items()}
    if isinstance(value, str):
        return SPACE_TO_PYTHON_ONLY.sub("x", value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _as_it_is(case: Case) -> None:
    pass


def _with_name(case: Case) -> None:
    case.body = _user(case.body if isinstance(case.body, dict) else {})
    case.media_type = "application/json"


def _with_names(case: Case) -> None:
    case.body = {_printable(key): _user(user) for key, user in case.body.items()}


def _user(body: dict[str, Any]) -> dict[str, Any]:
    """Who is new needs a name; what RFC 5322 calls an address is more than any mail server takes; zones have names."""
    mended = {"email": "alice@example.com"} if body.get("email") else {}
    zone = {"timeZone": "Europe/Berlin"} if body.get("timeZone") is not None else {}
    name = {"name": body.get("name") or "Alice"}
    return {**body, **name, **mended, **zone}


def _with_known_access(case: Case) -> None:
    """Old versions do not know access None."""
    if isinstance(case.body, dict) and case.body.get("access") == "None" and _version(case) in OLD:
        case.body["access"] = "Read"


def _with_participant(case: Case) -> None:
    """Who writes must take part, what is answered must be there, and a message is not empty."""
    for message in case.body:
        for name in ("referencedMessageId", "idempotencyKey", "attachmentToken", "sender", "content"):
            message.pop(name, None)
        message["text"] = message.get("text") or "Hello"
        if message.get("location"):
            message["location"][0] /= 2  # a latitude
        if message["type"] == "UserMessage":
            case.path_parameters["conversationId"] = KEPT
            message["sender"] = "alice"


def _with_people(case: Case) -> None:
    """Who wrote and read must be a user, and it must lie in the past."""
    _with_participant(case)
    for message in case.body:
        message.pop("createdAt", None)
        message["timestamp"] = PAST
        message["readBy"] = ["bob" for _ in message.get("readBy") or ()]


def _with_queries(case: Case) -> None:
    """A batch holds no batch, and the payload of a GET is its query."""
    for operation in case.body:
        operation[2] = "/users"
        if operation[1] == "GET" and len(operation) > GET_PAYLOAD:
            operation[GET_PAYLOAD] = {"limit": 1}


def _with_printable_participants(case: Case) -> None:
    if isinstance(case.body, dict) and case.body.get("participants"):
        case.body["participants"] = [_printable(each) for each in case.body["participants"]]


def _with_endpoint(case: Case) -> None:
    """Where a webhook may lead is more than a schema can say; to this name nothing is sent."""
    case.body = {**(case.body if isinstance(case.body, dict) else {}), "url": "https://mailtalk.invalid/"}
    case.body.pop("secret", None)


def _with_time(case: Case) -> None:
    case.body = {"from": PAST}


def _version(case: Case) -> str | None:
    return next((value for key, value in case.headers.items() if key.lower() == "talkjs-rest-version"), None)


MENDED = {
    "putUser": _with_name,
    "putUsers": _with_names,
    "listConversations": _with_filter,
    "listUserConversations": _with_filter,
    "putConversation": _with_printable_participants,
    "updateParticipant": _with_known_access,
    "postMessages": _with_participant,
    "importMessages": _with_people,
    "batch": _with_queries,
    "putWebhook": _with_endpoint,
    "replayEvents": _with_time,
}
