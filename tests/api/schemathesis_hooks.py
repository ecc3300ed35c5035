"""What no schema can say of a right request: it depends on what is there, or on two fields at once."""

from typing import Any

import schemathesis
from schemathesis import Case, HookContext

KEPT, LOST = "hello", "hullo"  # nothing is done to the first, so that Alice may always write in it
OLD = {"2021-01-01", "2021-02-09"}


@schemathesis.hook
def before_call(context: HookContext, case: Case, kwargs: dict[str, Any]) -> None:
    name = case.operation.definition.raw.get("operationId")
    if name != "postMessages" and case.method != "GET" and case.path_parameters.get("conversationId") == KEPT:
        case.path_parameters["conversationId"] = LOST
    if case.meta is not None and case.meta.generation.mode.is_positive:
        case.path_parameters.update({key: _printable(value) for key, value in case.path_parameters.items()})
        MENDED.get(name, _as_it_is)(case)


def _printable(text: str) -> str:
    # schemathesis reads \p{L} and its like more widely than they are.
    return "".join(character if character.isprintable() else "x" for character in str(text))


def _as_it_is(case: Case) -> None:
    pass


def _with_name(case: Case) -> None:
    if isinstance(case.body, dict):
        case.body = _user(case.body)


def _with_names(case: Case) -> None:
    case.body = {_printable(key): _user(user) for key, user in case.body.items()}


def _user(body: dict[str, Any]) -> dict[str, Any]:
    """Who is new needs a name; and what RFC 5322 calls an address is more than any mail server takes."""
    return {"name": "Alice", **body, **({"email": "alice@example.com"} if body.get("email") else {})}


def _with_known_access(case: Case) -> None:
    """Old versions do not know access None."""
    if isinstance(case.body, dict) and case.body.get("access") == "None" and _version(case) in OLD:
        case.body["access"] = "Read"


def _with_participant(case: Case) -> None:
    """Who writes must take part."""
    senders = [message for message in case.body if message["type"] == "UserMessage"]
    if senders:
        case.path_parameters["conversationId"] = KEPT
        for message in senders:
            message["sender"] = "alice"


def _with_printable_participants(case: Case) -> None:
    if isinstance(case.body, dict) and "participants" in case.body:
        case.body["participants"] = [_printable(each) for each in case.body["participants"]]


def _version(case: Case) -> str | None:
    return next((value for key, value in case.headers.items() if key.lower() == "talkjs-rest-version"), None)


MENDED = {
    "putUser": _with_name,
    "putUsers": _with_names,
    "putConversation": _with_printable_participants,
    "updateParticipant": _with_known_access,
    "postMessages": _with_participant,
}
