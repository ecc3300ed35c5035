"""Signatures: TalkJS's, and beside it that of Standard Webhooks 1.0 (github.com/standard-webhooks)."""

import hmac
import secrets
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Sequence
from datetime import datetime

from mailtalk import clock

PREFIX = "whsec_"
SHORTEST, LONGEST = 24, 64  # bytes of a key; Standard Webhooks' own bounds
CHARACTERS = 200  # of a secret in another form


def new_secret() -> str:
    """A secret that nobody can guess."""
    return PREFIX + b64encode(secrets.token_bytes(32)).decode()


def wrong(secret: str) -> str | None:
    """What is wrong with a secret that somebody brings along; None when it is good."""
    if not secret.startswith(PREFIX):
        sound = secret.isascii() and secret.isprintable() and SHORTEST <= len(secret) <= CHARACTERS
        return None if sound else f"must be {SHORTEST} to {CHARACTERS} printable ASCII characters"
    try:
        sound = SHORTEST <= len(b64decode(secret.removeprefix(PREFIX), validate=True)) <= LONGEST
    except Error:
        sound = False
    return None if sound else f"must hold {SHORTEST} to {LONGEST} bytes in Base64 behind {PREFIX}"


def headers(keys: Sequence[str], event_id: str, body: bytes, now: datetime) -> dict[str, str]:
    """The headers of one try; the first secret is the newest, and TalkJS's header has room for that one only."""
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
