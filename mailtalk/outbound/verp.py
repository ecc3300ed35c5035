"""VERP envelope senders: one for each delivery, signed, so that a bounce names its delivery without a look-up."""

import re
from base64 import b32decode
from itertools import islice
from uuid import UUID

from mailtalk.keys import Key, Keyring
from mailtalk.mail import base32

PREFIX = "b"
ID_CHARS = 26  # 128 bits
CHECK_CHARS = 13  # 65 bits
MOST = 20  # envelope senders that are checked in one mail
LOCAL_CHARS = len(PREFIX) + ID_CHARS + CHECK_CHARS


def local_part(keyring: Keyring, delivery_id: UUID) -> str:
    """Local part of a delivery's envelope sender; lower case, since mail systems may fold it."""
    encoded = base32.encode(delivery_id.bytes, ID_CHARS)
    return f"{PREFIX}{encoded}{_check(keyring.current, encoded)}"


def delivery(keyring: Keyring, local: str) -> UUID | None:
    """Delivery of a local part; None if the signature is not ours."""
    encoded, check = local[1 : 1 + ID_CHARS], local[1 + ID_CHARS :]
    if len(local) != LOCAL_CHARS or not local.startswith(PREFIX) or not local.isascii():
        return None
    if keyring.signer(check, lambda key: _check(key, encoded)) is None:
        return None
    return UUID(bytes=b32decode(f"{encoded}======".upper()))


def within(keyring: Keyring, mail: bytes, domain: str) -> list[UUID]:
    """Deliveries whose envelope senders occur in a mail, as in a report's `Original-Mail-From` or `Return-Path`."""
    pattern = rb"(?i)\b(b[a-z2-7]{39})@" + re.escape(domain.encode()) + rb"\b"
    local_parts = islice(dict.fromkeys(match[1].decode().lower() for match in re.finditer(pattern, mail)), MOST)
    return [delivery_id for local in local_parts if (delivery_id := delivery(keyring, local))]


def _check(key: Key, encoded: str) -> str:
    return base32.encode(key.derive(b"bounce", encoded.encode()), CHECK_CHARS)
