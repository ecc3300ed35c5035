"""A provider's request, and what all providers need: proofs compared in constant time, decoding, fields."""

import hmac
from base64 import b64decode
from binascii import Error
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import TypeVar

import msgspec

from mailtalk import clock
from mailtalk.errors import Invalid, Unauthorized

TOLERANCE = 300  # seconds that a signed request may be old
Shape = TypeVar("Shape")


@dataclass(frozen=True, slots=True)
class Post:
    """A provider's request: headers in lower case, raw body, and the fields of a form."""

    headers: Mapping[str, str]
    body: bytes
    fields: Mapping[str, bytes]

    def field(self, name: str) -> bytes:
        """Field of the form; Invalid if it is missing."""
        if name not in self.fields:
            raise Invalid({name: ["is required"]})
        return self.fields[name]


def require(is_proven: bool) -> None:
    """Raise Unauthorized unless the request is proven."""
    if not is_proven:
        raise Unauthorized(["the request is not proven to be the provider's"])


def check_basic(post: Post, secret: str) -> None:
    """Compare HTTP's basic authentication (RFC 7617) with `user:password`."""
    scheme, _, encoded = post.headers.get("authorization", "").partition(" ")
    try:
        given = b64decode(encoded, validate=True)
    except (Error, ValueError):
        given = b""
    require(scheme.lower() == "basic" and hmac.compare_digest(given, secret.encode()))


def check_mailgun(secret: str, timestamp: bytes, token: bytes, signature: bytes) -> None:
    """Compare HMAC-SHA256 of timestamp and token with Mailgun's signature, which is not of the content."""
    expected = hmac.new(secret.encode(), timestamp + token, sha256).hexdigest()
    is_fresh = timestamp.isdigit() and abs(clock.now().timestamp() - int(timestamp)) <= TOLERANCE
    require(hmac.compare_digest(expected.encode(), signature) and is_fresh)


def decoded(raw: bytes, shape: type[Shape]) -> Shape:
    """Decode JSON; Invalid names what is wrong."""
    try:
        return msgspec.json.decode(raw, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid({"body": [str(error)]}) from None
