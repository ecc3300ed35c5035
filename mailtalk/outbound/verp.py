"""Envelope senders that say of which delivery a bounce tells (VERP): signed, so that nothing need be looked up."""

from base64 import b32decode, b32encode
from uuid import UUID

from mailtalk.keys import Key, Keyring

PREFIX = "b"
ID_CHARS = 26  # 128 bits
CHECK_CHARS = 13  # 65 bits
LOCAL_CHARS = len(PREFIX) + ID_CHARS + CHECK_CHARS


def local_part(keyring: Keyring, delivery_id: UUID) -> str:
    """Derive a delivery's envelope sender; lower case, as mail systems fold it."""
    shown = b32encode(delivery_id.bytes).decode().lower().rstrip("=")
    return f"{PREFIX}{shown}{_check(keyring.current, shown)}"


def delivery(keyring: Keyring, local: str) -> UUID | None:
    """Tell of which delivery this is the envelope sender; None: we never signed it."""
    shown, check = local[1 : 1 + ID_CHARS], local[1 + ID_CHARS :]
    if len(local) != LOCAL_CHARS or not local.startswith(PREFIX) or not local.isascii():
        return None
    if keyring.signer(check, lambda key: _check(key, shown)) is None:
        return None
    return UUID(bytes=b32decode(f"{shown}======".upper()))


def _check(key: Key, shown: str) -> str:
    return b32encode(key.derive(b"bounce", shown.encode())).decode().lower()[:CHECK_CHARS]
