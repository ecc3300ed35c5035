"""Error responses: {"errorCode": …, "reasons": …}, never an exception's text."""

import logging
from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from api.schemas.types import Error
from api.wire import Answer, reply
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
    TooMany,
    Unauthorized,
    Unavailable,
)
from mailtalk.rate_limited_log import RateLimitedLog

_LATER = {"Retry-After": "1"}
_HEADERS = {Unauthorized: {"WWW-Authenticate": "Bearer"}, InProgress: _LATER}
_STATUS: dict[type[MailtalkError], int] = {
    Invalid: 400,
    Unauthorized: 401,
    NotFound: 404,
    Conflict: 409,
    InProgress: 409,
    TooLarge: 413,
    TooMany: 429,
    KeyReused: 422,
}
_HTTP = {
    404: ErrorCode.NOT_FOUND,
    405: ErrorCode.METHOD_NOT_ALLOWED,
    413: ErrorCode.TOO_LARGE,
    415: ErrorCode.UNSUPPORTED_ENCODING,
}

log = RateLimitedLog(logging.getLogger(__name__))


def stated(error: MailtalkError) -> tuple[int, Error]:
    """Status and body of an error."""
    if not isinstance(error, Refused):
        if not getattr(error, "is_logged", False):
            log.warning("answered 503: %s", error)
        return 503, _body(ErrorCode.UNAVAILABLE, ["temporarily unavailable; send the same request again"])
    return _STATUS[type(error)], _body(error.code, error.reasons)


def answer(error: MailtalkError, headers: Mapping[str, str] | None = None) -> Answer[Any]:
    """Response to an error."""
    status, content = stated(error)
    return reply(content, status, {**(headers or {}), **_own_headers(error)})


async def raised(_request: Request, error: Exception) -> Response:
    """Exception handler: an error of the request, or a temporary failure of ours."""
    if not isinstance(error, MailtalkError):
        raise error
    return answer(error)


async def http(_request: Request, error: Exception) -> Response:
    """Exception handler: an unknown path or method."""
    if not isinstance(error, HTTPException):
        raise error
    code = _HTTP.get(error.status_code, ErrorCode.BAD_REQUEST)
    return reply(_body(code, [error.detail]), error.status_code, error.headers)


async def unforeseen(_request: Request, _raised: Exception) -> Response:
    """Exception handler: an unexpected exception, as a 500; Starlette logs the traceback."""
    return reply(_body(ErrorCode.INTERNAL, ["internal error; it is logged"]), 500)


def of_change(ended: Ended) -> MailtalkError | None:
    """Error of a finished change; None if it was applied."""
    if ended.error_code is None:
        return None
    if ended.error_code == ErrorCode.PARTICIPANT_LIMIT:
        return Conflict(["the conversation has as many participants as the app allows"])
    if ended.error_code == ErrorCode.INTERNAL:
        return Unavailable("a change could not be applied")
    return NotFound([ended.error_code.replace("_", " ").lower()], ended.error_code)


def _own_headers(error: MailtalkError) -> Mapping[str, str]:
    if isinstance(error, TooMany):
        return {"Retry-After": str(error.seconds)}
    return _HEADERS.get(type(error), {}) if isinstance(error, Refused) else _LATER


def _body(code: ErrorCode, reasons: Any) -> Error:
    return Error(code, reasons)


HANDLERS = {MailtalkError: raised, HTTPException: http, Exception: unforeseen}
