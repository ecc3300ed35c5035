"""Request signatures: TalkJS's and Standard Webhooks 1.0 (github.com/standard-webhooks), HMAC-SHA256 both."""

import hmac
import secrets
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Sequence
from datetime import datetime

from mailtalk import clock

PREFIX = "whsec_"
SHORTEST, LONGEST = 24, 64  # bytes of a key, as in Standard Webhooks
CHARACTERS = 200  # maximum length of a secret without its prefix


def new_secret() -> str:
    """Random secret of 32 bytes."""
    return PREFIX + b64encode(secrets.token_bytes(32)).decode()


def problem(secret: str) -> str | None:
    """Problem of a secret chosen by the customer; None if it is good."""
    if not secret.startswith(PREFIX):
        is_valid = secret.isascii() and secret.isprintable() and SHORTEST <= len(secret) <= CHARACTERS
        return None if is_valid else f"must be {SHORTEST} to {CHARACTERS} printable ASCII characters"
    try:
        is_valid = SHORTEST <= len(b64decode(secret.removeprefix(PREFIX), validate=True)) <= LONGEST
    except Error:
        is_valid = False
    return None if is_valid else f"must hold {SHORTEST} to {LONGEST} bytes in Base64 behind {PREFIX}"


def headers(keys: Sequence[str], event_id: str, body: bytes, now: datetime) -> dict[str, str]:
    """Signature headers of one attempt; `keys` has the current secret first, the only one for TalkJS's header."""
    millis, seconds = str(clock.millis(now)), str(int(now.timestamp()))
    signed = f"{event_id}.{seconds}.".encode() + body
    return {
        "X-TalkJS-Timestamp": millis,
        "X-TalkJS-Signature": hmac.digest(keys[0].encode(), f"{millis}.".encode() + body, "sha256").hex().upper(),
        "webhook-id": event_id,
        "webhook-timestamp": seconds,
        "webhook-signature": " ".join(f"v1,{_standard(key, signed)}" for key in keys),
    }


def _standard(secret: str, signed: bytes) -> str:
    key = b64decode(secret.removeprefix(PREFIX)) if secret.startswith(PREFIX) else secret.encode()
    return b64encode(hmac.digest(key, signed, "sha256")).decode()
