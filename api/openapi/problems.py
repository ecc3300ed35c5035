"""Every error status, as components of the document: the same shape, a reason each."""

from http import HTTPStatus

from api.openapi.entry import JSON, Entry
from api.wire import Json

RETRY = {
    "Retry-After": {
        "description": "Seconds to wait before the same request is sent again.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[0-9]+$"},
    }
}
CHALLENGE = {
    "WWW-Authenticate": {"description": "Always `Bearer`.", "required": True, "schema": {"const": "Bearer"}},
}
NOT_FOUND = ("NOT_FOUND", "The app, or what the path names, is not there, or not for this credential.")
# status: code, reasons as an example, when, headers
STATUSES: dict[int, tuple[str, object, str, Json]] = {
    400: ("INVALID_ARGUMENTS", {"notify": ["Expected `bool`, got `int`"]}, "A field has a wrong type or value.", {}),
    401: ("UNAUTHORIZED", ["the token is not valid: it has expired"], "No credential, or a wrong one.", CHALLENGE),
    409: (
        "PARTICIPANT_LIMIT",
        ["the conversation has as many participants as the app allows"],
        "The conversation is full.",
        {},
    ),
    413: ("TOO_LARGE", {"body": ["is larger than 1000000 bytes"]}, "The body is too large.", {}),
    503: (
        "UNAVAILABLE",
        ["something behind the API does not answer; send the same request again"],
        "Something behind the API does not answer; the same request may be sent again.",
        RETRY,
    ),
}


def components() -> Json:
    """The responses that many operations have."""
    return {_name(status): _response(when, {code: reasons}, headers) for status, (code, reasons, when, headers) in STATUSES.items()}


def of(entry: Entry) -> Json:
    """The error responses of one operation."""
    if entry.is_open:
        return {}
    statuses = {400, 401, 503, *entry.refusals} | ({413} if entry.body else set()) | ({409} if entry.is_change else set())
    named = {str(status): {"$ref": f"#/components/responses/{_name(status)}"} for status in statuses}
    return named | {"404": _missing(entry.missing)}


def _missing(codes: tuple[str, ...]) -> Json:
    reasons: dict[str, object] = {code: {_field(code): [f"no {_field(code).removesuffix('Id')} 'x'"]} for code in codes}
    return _response("There is no such thing.", reasons | {"NOT_FOUND": ["no such thing"]}, {})


def _field(code: str) -> str:
    """USER_NOT_FOUND is about userId; a participant is named by the userId too."""
    thing = code.removesuffix("_NOT_FOUND").lower()
    return "userId" if thing == "participant" else f"{thing}Id"


def _response(when: str, reasons: dict[str, object], headers: Json) -> Json:
    examples = {code: {"value": {"errorCode": code, "reasons": reasons[code]}} for code in reasons}
    schema = {"$ref": "#/components/schemas/Problem"}
    content = {JSON: {"schema": schema, "examples": examples}}
    return {"description": when, "content": content} | ({"headers": headers} if headers else {})


def _name(status: int) -> str:
    return HTTPStatus(status).phrase.title().replace(" ", "").replace("-", "")
