"""Errors on the wire: {"errorCode": …, "reasons": …}, never an exception's text."""

import logging

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from api.wire import Json, reply
from mailtalk.changes import Ended
from mailtalk.errors import Conflict, Invalid, MailtalkError, NotFound, Refused, TooLarge, Unauthorized, Unavailable

RETRY_AFTER = {"Retry-After": "1"}
_STATUS: dict[type[MailtalkError], int] = {Invalid: 400, Unauthorized: 401, NotFound: 404, Conflict: 409, TooLarge: 413}
_HTTP = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED", 413: "TOO_LARGE"}

log = logging.getLogger(__name__)


def body(code: str, reasons: object) -> Json:
    """The error object."""
    return {"errorCode": code, "reasons": reasons}


async def refused(_request: Request, error: Exception) -> Response:
    """What is wrong with the request."""
    if not isinstance(error, Refused):
        raise error
    headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, Unauthorized) else None
    return reply(body(error.code, error.reasons), _STATUS[type(error)], headers)


async def unavailable(_request: Request, error: Exception) -> Response:
    """What is wrong with us, for now."""
    log.warning("a request was put off: %s", error)
    reasons = ["something behind the API does not answer; send the same request again"]
    return reply(body("UNAVAILABLE", reasons), 503, RETRY_AFTER)


async def http(_request: Request, error: Exception) -> Response:
    """No such route or method."""
    if not isinstance(error, HTTPException):
        raise error
    return reply(body(_HTTP.get(error.status_code, "BAD_REQUEST"), [error.detail]), error.status_code, error.headers)


async def unforeseen(_request: Request, _error: Exception) -> Response:
    """A defect of ours; Starlette logs its traceback."""
    return reply(body("INTERNAL", ["a defect on our side; it is logged"]), 500)


def of_change(ended: Ended) -> MailtalkError | None:
    """The error that a change ended with; None when it was applied."""
    if ended.error_code is None:
        return None
    if ended.error_code == "PARTICIPANT_LIMIT":
        return Conflict(["the conversation has as many participants as the app allows"])
    if ended.error_code == "INTERNAL":
        return Unavailable("a change could not be applied")
    return NotFound([ended.error_code.replace("_", " ").lower()], ended.error_code)


HANDLERS = {Refused: refused, Unavailable: unavailable, HTTPException: http, Exception: unforeseen}
