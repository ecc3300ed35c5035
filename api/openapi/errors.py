"""Error responses of the document: one schema, an example for each code."""

from api.routing import JSON, Operation
from api.wire import Json
from mailtalk.errors import ErrorCode

RETRY: Json = {
    "description": "Seconds to wait before the same request is sent again.",
    "schema": {"type": "string", "pattern": "^[0-9]+$"},
}
CHALLENGE: Json = {"description": "Always `Bearer`.", "required": True, "schema": {"const": "Bearer"}}
IN_PROGRESS: Json = {ErrorCode.IN_PROGRESS: {"Idempotency-Key": ["its first request is still being worked on"]}}
LIMIT: Json = {ErrorCode.PARTICIPANT_LIMIT: ["the conversation has as many participants as the app allows"]}
OUTSIDE: Json = {ErrorCode.RANGE_NOT_SATISFIABLE: {"Range": ["the file has 4 bytes"]}}
MAIL_STATES: Json = {
    ErrorCode.NOT_REPLAYABLE: ["it is posted: it had its effect"],
    ErrorCode.NOT_QUARANTINED: ["it is ignored, not quarantined"],
    ErrorCode.RAW_MAIL_PURGED: ["its raw bytes were purged; see MAILTALK_RAW_MAIL_DAYS"],
}


def _response(when: str, reasons: Json, headers: Json | None = None) -> Json:
    examples = {str(code): {"value": {"errorCode": code, "reasons": each}} for code, each in reasons.items()}
    content = {JSON: {"schema": {"$ref": "#/components/schemas/Error"}, "examples": examples}}
    return {"description": when, "content": content} | ({"headers": headers} if headers else {})


RESPONSES: dict[str, Json] = {
    "Invalid": _response(
        "A field, which is named, has a wrong type or value.",
        {ErrorCode.INVALID_ARGUMENTS: {"notify": ["Expected `bool | str`, got `int`"]}},
    ),
    "Unauthorized": _response(
        "No credential, or a wrong one.",
        {ErrorCode.UNAUTHORIZED: ["the token is not valid: it has expired"]},
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
    "TooLarge": _response("The body is too large.", {ErrorCode.TOO_LARGE: {"body": ["is larger than 1000000 bytes"]}}),
    "KeyReused": _response(
        "This `Idempotency-Key` was used for another request.",
        {ErrorCode.IDEMPOTENCY_KEY_REUSED: {"Idempotency-Key": ["was used for another request"]}},
    ),
    "RateLimited": _response(
        "A rate limit of the installation is reached.",
        {ErrorCode.RATE_LIMITED: ["more than 600 a minute (MAILTALK_APP_REQUESTS_PER_MINUTE); send it again later"]},
        {"Retry-After": RETRY | {"required": True}},
    ),
    "Unavailable": _response(
        "Temporarily unavailable; the same request may be sent again.",
        {ErrorCode.UNAVAILABLE: ["temporarily unavailable; send the same request again"]},
        {"Retry-After": RETRY | {"required": True}},
    ),
}


def of(operation: Operation) -> Json:
    """Error responses of an operation, by status."""
    missing: Json = {code: _about(code) for code in operation.missing}
    if operation.takes_range:
        return {
            "404": _response("Not found.", missing),
            "416": _response("The range lies outside the file.", OUTSIDE),
            "503": {"$ref": "#/components/responses/Unavailable"},
        }
    if operation.is_open:
        return {"404": _response("Not found.", missing)} if missing else {}
    named = {"400": "Invalid", "401": "Unauthorized", "429": "RateLimited", "503": "Unavailable"}
    if operation.method != "GET":
        named |= {"409": operation.conflict, "413": "TooLarge", "422": "KeyReused"}
    return {
        **{status: {"$ref": f"#/components/responses/{name}"} for status, name in named.items()},
        "404": _response("Not found, or not this app's.", missing | {ErrorCode.NOT_FOUND: ["not found"]}),
    }


def _about(code: ErrorCode) -> dict[str, list[str]]:
    noun = code.removesuffix("_NOT_FOUND").lower()
    return {"userId" if noun == "participant" else f"{noun}Id": [f"no {noun} of this id"]}
