"""Providers of inbound mail: how each proves a request, and where it puts the mail and its envelope."""

import hmac
from base64 import b64decode
from binascii import Error
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import msgspec

from mailtalk import clock
from mailtalk.errors import Invalid, Unauthorized
from mailtalk.inbound.handover import HandedMail

TOLERANCE = 300  # seconds that a signed request may be old
Fields = Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Post:
    """A provider's request: headers in lower case, raw body, and the fields of a form."""

    headers: Mapping[str, str]
    body: bytes
    fields: Fields


class _Postmark(msgspec.Struct, rename="pascal"):
    raw_email: str
    original_recipient: str
    from_: str = msgspec.field(name="From", default="")


class _Envelope(msgspec.Struct):
    to: list[str]
    from_: str = msgspec.field(name="from", default="")


def postmark(post: Post, secret: str) -> HandedMail:
    """Postmark, with "Include raw email content": basic authentication in the URL (postmarkapp.com/developer)."""
    _check_basic(post, secret)
    content = _decoded(post.body, _Postmark)
    return HandedMail(content.from_, [content.original_recipient], content.raw_email.encode("utf-8", "surrogatepass"))


def sendgrid(post: Post, secret: str) -> HandedMail:
    """SendGrid's Inbound Parse, with "POST the raw, full MIME message": basic authentication in the URL."""
    _check_basic(post, secret)
    envelope = _decoded(_field(post, "envelope"), _Envelope)
    return HandedMail(envelope.from_, envelope.to, _field(post, "email"))


def mailgun(post: Post, secret: str) -> HandedMail:
    """Mailgun's routes, to a URL that ends in /mime: HMAC-SHA256 of timestamp and token with the signing key."""
    timestamp, token = _field(post, "timestamp"), _field(post, "token")
    expected = hmac.new(secret.encode(), timestamp + token, sha256).hexdigest()
    _require(hmac.compare_digest(expected.encode(), _field(post, "signature")) and _is_fresh(timestamp))
    sender, recipient = _field(post, "sender").decode(), _field(post, "recipient").decode()
    return HandedMail(sender, recipient.split(","), _field(post, "body-mime"))


def cloudflare(post: Post, secret: str) -> HandedMail:
    """A Cloudflare Email Worker, as docs/howto/ingress.md has it: the raw mail, and its envelope in headers."""
    given = post.headers.get("authorization", "").removeprefix("Bearer ")
    _require(hmac.compare_digest(given.encode(), secret.encode()))
    recipient = post.headers.get("x-envelope-to", "")
    if not recipient:
        raise Invalid({"X-Envelope-To": ["is required"]})
    return HandedMail(post.headers.get("x-envelope-from", ""), [recipient], post.body)


PROVIDERS: Mapping[str, Callable[[Post, str], HandedMail]] = {
    "cloudflare": cloudflare,
    "mailgun": mailgun,
    "postmark": postmark,
    "sendgrid": sendgrid,
}


def _check_basic(post: Post, secret: str) -> None:
    """Compare HTTP's basic authentication (RFC 7617) with `user:password`."""
    scheme, _, encoded = post.headers.get("authorization", "").partition(" ")
    try:
        given = b64decode(encoded, validate=True)
    except (Error, ValueError):
        given = b""
    _require(scheme.lower() == "basic" and hmac.compare_digest(given, secret.encode()))


def _require(is_proven: bool) -> None:
    if not is_proven:
        raise Unauthorized(["the request is not proven to be the provider's"])


def _is_fresh(timestamp: bytes) -> bool:
    return timestamp.isdigit() and abs(clock.now().timestamp() - int(timestamp)) <= TOLERANCE


def _field(post: Post, name: str) -> bytes:
    if name not in post.fields:
        raise Invalid({name: ["is required"]})
    return post.fields[name]


def _decoded(raw: bytes, shape: type[Any]) -> Any:
    try:
        return msgspec.json.decode(raw, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid({"body": [str(error)]}) from None
