"""Signed links, which work without a login: settings and unsubscribe links, quarantine release links, file links.

Also the console's session cookies, and the tokens of its forms.

A signature is an HMAC-SHA256, cut to the purpose's length, under a key that is derived from MAILTALK_SECRET_KEY for
this purpose alone: no link can stand in for another. The first key signs and every key verifies. The formats are
version 1, which has no version byte; a later format must differ from it in length or in purpose.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from datetime import datetime
from typing import NamedTuple

from mailtalk.keys import Key, Keyring


class LinkPurpose(NamedTuple):
    """Purpose of a link: the name from which its key is derived, and the length of its signature in bytes."""

    use: bytes
    size: int


PARTICIPATION = LinkPurpose(b"link", 16)
DIGEST = LinkPurpose(b"digest", 16)
RELEASE = LinkPurpose(b"release", 16)
FILE = LinkPurpose(b"file", 24)
THUMBNAIL = LinkPurpose(b"thumbnail", 24)
PHOTO = LinkPurpose(b"photo", 24)
SESSION = LinkPurpose(b"console-session", 32)
FORM = LinkPurpose(b"console-form", 16)
OIDC = LinkPurpose(b"console-oidc", 32)


def token(keyring: Keyring, purpose: LinkPurpose, content: bytes) -> str:
    """Content and signature as unpadded base64url, the last part of a link."""
    return _encode(content + _sign(keyring.current, purpose, content))


def read(keyring: Keyring, purpose: LinkPurpose, text: str) -> bytes | None:
    """Content of a token; None for a wrong signature, another purpose or another spelling of the same bytes."""
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (NotBase64, ValueError):
        return None
    content, signature = raw[: -purpose.size], raw[-purpose.size :]
    return content if _encode(raw) == text and _verifies(keyring, purpose, content, signature) else None


def signature(keyring: Keyring, purpose: LinkPurpose, content: str) -> str:
    """Detached signature as base64url, for a link whose content is readable."""
    return _encode(_sign(keyring.current, purpose, content.encode()))


def verifies(keyring: Keyring, purpose: LinkPurpose, content: str, text: str) -> bool:
    """True if `text` is a detached signature of the content by any key."""
    wanted = text.encode()
    return keyring.signer(wanted, lambda key: _encode(_sign(key, purpose, content.encode())).encode()) is not None


def has_expired(expires: int, now: datetime) -> bool:
    """True from the second `expires` (Unix time) on."""
    return now.timestamp() >= expires


def _encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _verifies(keyring: Keyring, purpose: LinkPurpose, content: bytes, signature: bytes) -> bool:
    return keyring.signer(signature, lambda key: _sign(key, purpose, content)) is not None


def _sign(key: Key, purpose: LinkPurpose, content: bytes) -> bytes:
    return key.derive(purpose.use, content)[: purpose.size]
