"""Every error status of the document: the same shape, an example each."""

from typing import Any

from api.openapi.entry import JSON, Entry
from api.wire import Json

RETRY: Json = {
    "description": "Seconds to wait before the same request is sent again.",
    "schema": {"type": "string", "pattern": "^[0-9]+$"},
}
CHALLENGE: Json = {"description": "Always `Bearer`.", "required": True, "schema": {"const": "Bearer"}}
IN_PROGRESS: Json = {"IN_PROGRESS": {"Idempotency-Key": ["its first request is still being worked on"]}}
LIMIT: Json = {"PARTICIPANT_LIMIT": ["the conversation has as many participants as the app allows"]}
MAIL_STATES: Json = {
    "NOT_REPLAYABLE": ["it is posted: it had its effect"],
    "NOT_QUARANTINED": ["it is ignored, not quarantined"],
    "RAW_MAIL_PURGED": ["its raw bytes were purged; see MAILTALK_RAW_MAIL_DAYS"],
}
NOT_FOUND: Json = {"NOT_FOUND": ["no such thing"]}


def _response(when: str, reasons: Json, headers: Json | None = None) -> Json:
    """An error response: an example for each code."""
    examples = {code: {"value": {"errorCode": code, "reasons": each}} for code, each in reasons.items()}
    content = {JSON: {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": examples}}
    return {"description": when, "content": content} | ({"headers": headers} if headers else {})


COMPONENTS: dict[str, Json] = {
    "Invalid": _response(
        "A field has a wrong type or value; it is named.",
        {"INVALID_ARGUMENTS": {"notify": ["Expected `bool | str`, got `int`"]}},
    ),
    "Unauthorized": _response(
        "No credential, or a wrong one.",
        {"UNAUTHORIZED": ["the token is not valid: it has expired"]},
        {"WWW-Authenticate": CHALLENGE},
    ),
    "InProgress": _response(
        "The first request of this `Idempotency-Key` is not done yet.", IN_PROGRESS, {"Retry-After": RETRY}
    ),
    "Conflict": _response(
        "The conversation is full, or the first request of this `Idempotency-Key` is not done yet.",
        LIMIT | IN_PROGRESS,
        {"Retry-After": RETRY},
    ),
    "InboundConflict": _response(
        "The mail's state forbids it, or the first request of this `Idempotency-Key` is not done yet.",
        MAIL_STATES | IN_PROGRESS,
        {"Retry-After": RETRY},
    ),
    "TooLarge": _response("The body is too large.", {"TOO_LARGE": {"body": ["is larger than 1000000 bytes"]}}),
    "KeyReused": _response(
        "This `Idempotency-Key` was used for another request.",
        {"IDEMPOTENCY_KEY_REUSED": {"Idempotency-Key": ["was used for another request"]}},
    ),
    "Unavailable": _response(
        "Something behind the API does not answer; the same request may be sent again.",
        {"UNAVAILABLE": ["something behind the API does not answer; send the same request again"]},
        {"Retry-After": RETRY | {"required": True}},
    ),
}


def of(method: str, entry: Entry) -> Json:
    """The error responses of one operation, by status."""
    missing = {code: _about(code) for code in entry.missing}
    if entry.is_open:
        return {"404": _response("There is no such thing.", missing)} if missing else {}
    named = {"400": "Invalid", "401": "Unauthorized", "503": "Unavailable"}
    if method != "GET":
        conflict = entry.conflict or ("Conflict" if entry.is_change else "InProgress")
        named |= {"409": conflict, "413": "TooLarge", "422": "KeyReused"}
    return {
        **{status: {"$ref": f"#/components/responses/{name}"} for status, name in named.items()},
        "404": _response("There is no such thing, or it is not this app's.", missing | NOT_FOUND),
    }


def _about(code: str) -> dict[str, Any]:
    """USER_NOT_FOUND is about userId; so is a participant's."""
    thing = code.removesuffix("_NOT_FOUND").lower()
    return {"userId" if thing == "participant" else f"{thing}Id": [f"no {thing} of this id"]}
