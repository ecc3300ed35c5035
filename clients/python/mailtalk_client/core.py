"""What both clients share, without I/O: requests, retries, errors."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import quote
from uuid import uuid4

import httpx

RETRIED = frozenset({409, 429, 502, 503, 504})  # 409: only with Retry-After, while the first request is under way
Reasons: TypeAlias = Mapping[str, Sequence[str]] | Sequence[str]


class MailtalkError(Exception):
    """Error response: HTTP status, `code` for programs, `reasons` for people, by field or as a list."""

    def __init__(self, status: int, code: str, reasons: Reasons) -> None:
        super().__init__(f"{status} {code}: {reasons}")
        self.status, self.code, self.reasons = status, code, reasons


@dataclass(frozen=True, slots=True)
class Retries:
    """Attempts of one request, and the pause before the second one in seconds; each later pause is twice as long."""

    attempts: int = 4
    pause: float = 0.5
    longest: float = 30.0

    def wait(self, attempt: int, response: httpx.Response | None) -> float | None:
        """Seconds to wait after an attempt (from 0), None if it is final; no response: the connection failed."""
        if attempt + 1 >= self.attempts or (response is not None and not _is_temporary(response)):
            return None
        asked = response.headers.get("Retry-After", "") if response is not None else ""
        pause = float(asked) if asked.isdigit() else self.pause * 2**attempt * random.uniform(0.5, 1)
        return min(pause, self.longest)


def _is_temporary(response: httpx.Response) -> bool:
    if response.status_code == httpx.codes.CONFLICT:
        return "Retry-After" in response.headers
    return response.status_code in RETRIED


def path(template: str, *values: str) -> str:
    """Path with its ids percent-encoded, slashes too."""
    return template.format(*(quote(value, safe="") for value in values))


def headers(method: str, idempotency_key: str | None, *, wait: bool = True) -> dict[str, str]:
    """Headers of a request; a key of its own makes the repetition of a change harmless."""
    own = {} if method == "GET" else {"Idempotency-Key": idempotency_key or uuid4().hex}
    return own if wait else own | {"Prefer": "respond-async"}


def query(values: Mapping[str, Any]) -> dict[str, str]:
    """Query without what is not given."""
    return {name: _text(value) for name, value in values.items() if value is not None}


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def content(response: httpx.Response) -> Any:
    """Decoded JSON of a response; raises MailtalkError for an error."""
    if response.is_success:
        return response.json()
    try:
        error = response.json()
        raise MailtalkError(response.status_code, error["errorCode"], error["reasons"])
    except (ValueError, KeyError, TypeError):
        raise MailtalkError(response.status_code, "UNKNOWN", [response.text[:200]]) from None
