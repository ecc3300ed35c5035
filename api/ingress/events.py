"""Providers' events: how each proves a request, and which of its events are bounces and complaints.

Delays, opens, clicks and what else a provider posts are accepted, and have no effect.
"""

from base64 import b64decode
from binascii import Error
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from api.ingress.post import Post, check_basic, check_mailgun, decoded, require
from api.ingress.ses_events import SesEvents
from mailtalk.outbound.bounces import COMPLAINT, HARD
from mailtalk.outbound.provider_metadata import NAME
from mailtalk.outbound.provider_reports import ProviderPost, ProviderReport, failure

_POSTMARK = {  # its types of bounces: permanent or not; others are delays, answers and what its users did
    "HardBounce": True,
    "BadEmailAddress": True,
    "SoftBounce": False,
    "Blocked": False,
    "DnsError": False,
    "SpamNotification": False,
}


class _PostmarkEvent(msgspec.Struct, rename="pascal"):
    record_type: str
    id: int = msgspec.field(name="ID", default=0)
    type: str = ""
    email: str = ""
    description: str | None = ""
    details: str | None = ""
    metadata: dict[str, Any] | None = None


class _Signature(msgspec.Struct):
    timestamp: str
    token: str
    signature: str


class _DeliveryStatus(msgspec.Struct, rename="kebab", frozen=True):
    message: str | None = ""
    description: str | None = ""
    enhanced_code: str | None = ""


class _Envelope(msgspec.Struct, frozen=True):
    sender: str = ""


class _Message(msgspec.Struct, frozen=True):
    headers: dict[str, Any] = {}


class _MailgunEvent(msgspec.Struct, rename="kebab"):
    event: str
    id: str
    recipient: str = ""
    severity: str = ""
    reason: str = ""
    delivery_status: _DeliveryStatus = _DeliveryStatus()
    envelope: _Envelope = _Envelope()
    message: _Message = _Message()
    user_variables: Any = None  # an object, or an empty list


class _MailgunPost(msgspec.Struct, rename="kebab"):
    signature: _Signature
    event_data: _MailgunEvent


class _SendgridEvent(msgspec.Struct):
    event: str
    sg_event_id: str
    email: str = ""
    type: str = ""
    reason: str | None = ""
    status: str | None = ""
    smtp_id: str = msgspec.field(name="smtp-id", default="")
    metadata: Any = msgspec.field(name=NAME, default="")


def postmark(post: Post, secret: str) -> ProviderPost:
    """Postmark's webhooks Bounce and Spam complaint: basic authentication in the URL."""
    check_basic(post, secret)
    event = decoded(post.body, _PostmarkEvent)
    words = f"{event.description or ''} {event.details or ''}"
    if event.record_type == "SpamComplaint" or (event.record_type == "Bounce" and event.type == "SpamComplaint"):
        kind, status = COMPLAINT, None
    elif event.record_type == "Bounce" and event.type in _POSTMARK:
        kind, status = failure(words, permanent=_POSTMARK[event.type])
    else:
        return ProviderPost([])
    metadata = str((event.metadata or {}).get(NAME, ""))
    return ProviderPost([ProviderReport(f"{event.id}", kind, event.email, status, metadata)])


def mailgun(post: Post, secret: str) -> ProviderPost:
    """Mailgun's webhooks: the signature is of time and token alone, so a token counts once."""
    given = decoded(post.body, _MailgunPost)
    signature, event = given.signature, given.event_data
    check_mailgun(secret, signature.timestamp.encode(), signature.token.encode(), signature.signature.encode())
    kind, status = _mailgun_kind(event)
    if kind is None:
        return ProviderPost([], signature.token)
    variables = event.user_variables if isinstance(event.user_variables, dict) else {}
    message_id = str(event.message.headers.get("message-id", ""))
    named = (str(variables.get(NAME, "")), message_id, event.envelope.sender)
    return ProviderPost([ProviderReport(event.id, kind, event.recipient, status, *named)], signature.token)


def sendgrid(post: Post, key: str) -> ProviderPost:
    """SendGrid's signed event webhook: ECDSA with SHA-256 of time and body, by the key of our webhook."""
    signature = post.headers.get("x-twilio-email-event-webhook-signature", "")
    timestamp = post.headers.get("x-twilio-email-event-webhook-timestamp", "")
    try:
        public = load_der_public_key(b64decode(key))
        if not isinstance(public, EllipticCurvePublicKey):
            raise ValueError("not a key for ECDSA")  # noqa: TRY004, TRY301  as for any other unreadable key
        public.verify(b64decode(signature, validate=True), timestamp.encode() + post.body, ECDSA(SHA256()))
    except (InvalidSignature, Error, ValueError):
        require(False)
    events = decoded(post.body, list[_SendgridEvent])
    return ProviderPost([report for event in events if (report := _sendgrid_report(event))])


EVENTS: Mapping[str, Callable[[Post, str], ProviderPost]] = {
    "mailgun": mailgun,
    "postmark": postmark,
    "sendgrid": sendgrid,
    "ses": SesEvents(),
}


def _mailgun_kind(event: _MailgunEvent) -> tuple[str | None, str | None]:
    """Kind and status; a temporary failure is a delay, since Mailgun tries again."""
    if event.event == "complained" or event.reason == "suppress-complaint":
        return COMPLAINT, None
    if event.event != "failed" or event.severity != "permanent" or event.reason == "suppress-unsubscribe":
        return None, None
    if event.reason == "suppress-bounce":  # it bounced before, so Mailgun did not send it
        return HARD, None
    told = event.delivery_status
    return failure(f"{told.message or ''} {told.description or ''}", told.enhanced_code or "", permanent=True)


def _sendgrid_report(event: _SendgridEvent) -> ProviderReport | None:
    if event.event == "spamreport":
        kind, status = COMPLAINT, None
    elif event.event == "bounce":
        kind, status = failure(event.reason or "", event.status or "", permanent=event.type != "blocked")
    elif event.event == "dropped" and event.reason == "Bounced Address":  # before, so SendGrid did not send it
        kind, status = HARD, None
    else:
        return None
    return ProviderReport(event.sg_event_id, kind, event.email, status, str(event.metadata), event.smtp_id)
