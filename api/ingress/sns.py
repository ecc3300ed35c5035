"""Amazon SES by SNS: signed notifications whose certificate is pinned to Amazon's host; a topic of ours alone."""

import re
from base64 import b64decode
from binascii import Error
from collections.abc import Callable
from functools import lru_cache
from typing import Literal

import msgspec
import urllib3
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.x509 import load_pem_x509_certificate

from api.ingress.post import Post, decoded, require
from mailtalk.errors import Unavailable
from mailtalk.inbound.authentication import PASS
from mailtalk.inbound.handover import HandedMail

TIME_OUT = 5  # seconds
LARGEST = 20_000  # bytes of a certificate
_HOST = r"https://sns\.[a-z0-9-]{1,40}\.amazonaws\.com(?:\.cn)?/"
_CERTIFICATE = re.compile(_HOST + r"[\w.-]{1,200}\.pem", re.ASCII)
_SUBSCRIPTION = re.compile(_HOST + r"\?[\w.%&=:+-]{1,4000}", re.ASCII)
_SIGNED = {  # the fields of each type, in the order of their names (AWS, "Verifying the signatures of SNS messages")
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}


class _Sns(msgspec.Struct, rename="pascal"):
    type: Literal["Notification", "SubscriptionConfirmation"]
    message: str
    topic_arn: str
    signature: str
    signature_version: Literal["1", "2"]
    signing_cert_url: str = msgspec.field(name="SigningCertURL")
    subscribe_url: str = msgspec.field(name="SubscribeURL", default="")


class _Action(msgspec.Struct):
    encoding: Literal["BASE64", "UTF8"] = "UTF8"


class _Verdict(msgspec.Struct, frozen=True):
    status: str = ""


class _Receipt(msgspec.Struct, rename="camel"):
    recipients: list[str]
    action: _Action
    spf_verdict: _Verdict = _Verdict()


class _Mail(msgspec.Struct):
    source: str


class _Received(msgspec.Struct):
    mail: _Mail
    receipt: _Receipt
    content: str


def fetch(url: str) -> bytes:
    """Fetch a URL of Amazon's. Unavailable if it does not answer."""
    try:
        answer = urllib3.request("GET", url, timeout=TIME_OUT, redirect=False, retries=1)
    except urllib3.exceptions.HTTPError as error:
        raise Unavailable(f"Amazon SNS does not answer: {type(error).__name__}") from None
    if answer.status != 200:  # noqa: PLR2004  OK
        raise Unavailable(f"Amazon SNS answers {answer.status}")
    return answer.data[:LARGEST]


class Topic:
    """One SNS topic: verifies what is posted in its name, and confirms its subscription."""

    def __init__(self, fetch: Callable[[str], bytes] = fetch) -> None:
        self._fetch = fetch
        self._key = lru_cache(maxsize=8)(self._fetched_key)

    def message(self, post: Post, topic: str) -> bytes | None:
        """The message of a notification; None for the confirmation of a subscription."""
        notification = decoded(post.body, _Sns)
        require(notification.topic_arn == topic and _CERTIFICATE.fullmatch(notification.signing_cert_url) is not None)
        self._verify(notification, decoded(post.body, dict[str, object]))
        if notification.type == "SubscriptionConfirmation":
            require(_SUBSCRIPTION.fullmatch(notification.subscribe_url) is not None)
            self._fetch(notification.subscribe_url)
            return None
        return notification.message.encode()

    def _verify(self, notification: _Sns, fields: dict[str, object]) -> None:
        names = [name for name in _SIGNED[notification.type] if name in fields]
        signed = "".join(f"{name}\n{fields[name]}\n" for name in names).encode()
        try:
            signature = b64decode(notification.signature, validate=True)
            digest = SHA256() if notification.signature_version == "2" else SHA1()  # noqa: S303  theirs
            self._key(notification.signing_cert_url).verify(signature, signed, PKCS1v15(), digest)
        except (InvalidSignature, Error, ValueError):
            require(False)

    def _fetched_key(self, url: str) -> RSAPublicKey:
        key = load_pem_x509_certificate(self._fetch(url)).public_key()
        if not isinstance(key, RSAPublicKey):
            raise ValueError("not an RSA key")  # noqa: TRY004  as for any other unreadable certificate
        return key


class Ses:
    """SES's action "Publish to Amazon SNS topic"."""

    def __init__(self, fetch: Callable[[str], bytes] = fetch) -> None:
        self._topic = Topic(fetch)

    def __call__(self, post: Post, topic: str) -> HandedMail | None:
        """The mail of a notification; None for the confirmation of a subscription."""
        message = self._topic.message(post, topic)
        if message is None:
            return None
        received = decoded(message, _Received)
        spf = PASS if received.receipt.spf_verdict.status == "PASS" else None
        return HandedMail(received.mail.source, received.receipt.recipients, _raw(received), spf)


def _raw(received: _Received) -> bytes:
    if received.receipt.action.encoding == "BASE64":
        return b64decode(received.content)
    return received.content.encode("utf-8", "surrogatepass")
