"""Verification of webhooks (Standard Webhooks 1.0, HMAC-SHA256)."""

import hmac
import json
import time
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

TOLERANCE = 300  # seconds that the clocks may differ
_PREFIX = "whsec_"


class NotVerified(ValueError):
    """Request that does not come from Mailtalk, or is too old: answer 400 and forget it."""


def verify(body: bytes, headers: Mapping[str, str], secret: str, *, now: float | None = None) -> dict[str, Any]:
    """The event of a request, from its unchanged body. NotVerified if a header is missing, wrong or too old.

    `headers` may have any case. Take each event once: its `id` is the same when it is sent again.
    """
    named = {name.lower(): value for name, value in headers.items()}
    try:
        event_id, sent, signatures = (named[f"webhook-{name}"] for name in ("id", "timestamp", "signature"))
        is_fresh = abs((time.time() if now is None else now) - int(sent)) <= TOLERANCE
    except (KeyError, ValueError):
        raise NotVerified("a header of the signature is missing") from None
    expected = "v1," + _signature(secret, f"{event_id}.{sent}.".encode() + body)
    if not any(hmac.compare_digest(each.encode(), expected.encode()) for each in signatures.split(" ")):
        raise NotVerified("the signature is wrong")
    if not is_fresh:
        raise NotVerified("it is too old, or the clocks differ")
    event: dict[str, Any] = json.loads(body)
    return event


def _signature(secret: str, signed: bytes) -> str:
    key = b64decode(secret.removeprefix(_PREFIX)) if secret.startswith(_PREFIX) else secret.encode()
    return b64encode(hmac.digest(key, signed, "sha256")).decode()
