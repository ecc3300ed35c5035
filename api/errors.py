"""Errors on the wire: {"errorCode": …, "reasons": …}, never an exception's text."""

import logging
from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from api.wire import Json, reply
from mailtalk.changes.log import Ended
from mailtalk.errors import (
    Conflict,
    ErrorCode,
    InProgress,
    Invalid,
    KeyReused,
    MailtalkError,
    NotFound,
    Refused,
    TooLarge,
    Unauthorized,
    Unavailable,
)

_LATER = {"Retry-After": "1"}
_HEADERS = {Unauthorized: {"WWW-Authenticate": "Bearer"}, InProgress: _LATER, Unavailable: _LATER}
_STATUS: dict[type[MailtalkError], int] = {
    Invalid: 400,
    Unauthorized: 401,
    NotFound: 404,
    Conflict: 409,
    InProgress: 409,
    TooLarge: 413,
    KeyReused: 422,
}
_HTTP = {404: ErrorCode.NOT_FOUND, 405: ErrorCode.METHOD_NOT_ALLOWED, 413: ErrorCode.TOO_LARGE}

log = logging.getLogger(__name__)


def body(code: ErrorCode, reasons: object) -> Json:
    """The error object."""
    return {"errorCode": code, "reasons": reasons}


def stated(error: MailtalkError) -> tuple[int, Json]:
    """An error's status and its object."""
    if not isinstance(error, Refused):
        log.warning("a request was put off: %s", error)
        return 503, body(
            ErrorCode.UNAVAILABLE, ["something behind the API does not answer; send the same request again"]
        )
    return _STATUS[type(error)], body(error.code, error.reasons)


def answer(error: MailtalkError, headers: Mapping[str, str] | None = None) -> Response:
    """An error as an answer."""
    status, content = stated(error)
    return reply(content, status, {**(headers or {}), **_HEADERS.get(type(error), {})})


async def raised(_request: Request, error: Exception) -> Response:
    """What is wrong with the request, or with us for now."""
    if not isinstance(error, MailtalkError):
        raise error
    return answer(error)


async def http(_request: Request, error: Exception) -> Response:
    """No such route or method."""
    if not isinstance(error, HTTPException):
        raise error
    return reply(
        body(_HTTP.get(error.status_code, ErrorCode.BAD_REQUEST), [error.detail]), error.status_code, error.headers
    )


async def unforeseen(_request: Request, _error: Exception) -> Response:
    """A defect of ours; Starlette logs its traceback."""
    return reply(body(ErrorCode.INTERNAL, ["a defect on our side; it is logged"]), 500)


def of_change(ended: Ended) -> MailtalkError | None:
    """The error that a change ended with; None when it was applied."""
    if ended.error_code is None:
        return None
    if ended.error_code == ErrorCode.PARTICIPANT_LIMIT:
        return Conflict(["the conversation has as many participants as the app allows"])
    if ended.error_code == ErrorCode.INTERNAL:
        return Unavailable("a change could not be applied")
    return NotFound([ended.error_code.replace("_", " ").lower()], ended.error_code)


HANDLERS = {MailtalkError: raised, HTTPException: http, Exception: unforeseen}
