"""Providers of inbound mail: how each proves a request, and where it puts the mail and its envelope."""

import hmac
from collections.abc import Callable, Mapping

import msgspec

from api.ingress.post import Post, check_basic, check_mailgun, decoded, require
from api.ingress.sns import Ses
from mailtalk.errors import Invalid
from mailtalk.inbound.authentication import PASS
from mailtalk.inbound.handover import HandedMail


class _Postmark(msgspec.Struct, rename="pascal"):
    raw_email: str
    original_recipient: str
    from_: str = msgspec.field(name="From", default="")


class _Envelope(msgspec.Struct):
    to: list[str]
    from_: str = msgspec.field(name="from", default="")


def postmark(post: Post, secret: str) -> HandedMail:
    """Postmark, with "Include raw email content": basic authentication in the URL (postmarkapp.com/developer)."""
    check_basic(post, secret)
    content = decoded(post.body, _Postmark)
    return HandedMail(content.from_, [content.original_recipient], content.raw_email.encode("utf-8", "surrogatepass"))


def sendgrid(post: Post, secret: str) -> HandedMail:
    """SendGrid's Inbound Parse, with "POST the raw, full MIME message": basic authentication in the URL."""
    check_basic(post, secret)
    envelope = decoded(post.field("envelope"), _Envelope)
    spf = PASS if post.fields.get("SPF", b"").strip().lower() == b"pass" else None
    return HandedMail(envelope.from_, envelope.to, post.field("email"), spf)


def mailgun(post: Post, secret: str) -> HandedMail:
    """Mailgun's routes, to a URL that ends in /mime: HMAC-SHA256 of timestamp and token with the signing key."""
    check_mailgun(secret, post.field("timestamp"), post.field("token"), post.field("signature"))
    sender, recipient = post.field("sender").decode(), post.field("recipient").decode()
    return HandedMail(sender, recipient.split(","), post.field("body-mime"))


def cloudflare(post: Post, secret: str) -> HandedMail:
    """A Cloudflare Email Worker, as docs/howto/ingress.md has it: the raw mail, and its envelope in headers."""
    given = post.headers.get("authorization", "").removeprefix("Bearer ")
    require(hmac.compare_digest(given.encode(), secret.encode()))
    recipient = post.headers.get("x-envelope-to", "")
    if not recipient:
        raise Invalid({"X-Envelope-To": ["is required"]})
    return HandedMail(post.headers.get("x-envelope-from", ""), [recipient], post.body)


PROVIDERS: Mapping[str, Callable[[Post, str], HandedMail | None]] = {
    "cloudflare": cloudflare,
    "mailgun": mailgun,
    "postmark": postmark,
    "sendgrid": sendgrid,
    "ses": Ses(),
}
