"""Amazon SES's bounces and complaints by SNS: notifications of an identity, or events of a configuration set."""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from api.ingress.post import Post, decoded
from api.ingress.sns import Topic, fetch
from mailtalk.outbound.bounces import COMPLAINT
from mailtalk.outbound.provider_metadata import NAME
from mailtalk.outbound.provider_reports import ProviderPost, ProviderReport, failure


class _Recipient(msgspec.Struct, rename="camel"):
    email_address: str
    status: str = ""
    diagnostic_code: str = ""


class _Bounce(msgspec.Struct, rename="camel"):
    feedback_id: str
    bounce_type: str
    bounced_recipients: Sequence[_Recipient]


class _Complaint(msgspec.Struct, rename="camel"):
    feedback_id: str
    complained_recipients: Sequence[_Recipient]
    complaint_feedback_type: str | None = None


class _Field(msgspec.Struct):
    name: str
    value: str


class _SentMail(msgspec.Struct):
    source: str = ""
    headers: Sequence[_Field] = ()
    tags: dict[str, Sequence[str]] = {}


class _Event(msgspec.Struct, rename="camel"):
    mail: _SentMail
    notification_type: str = ""
    event_type: str = ""
    bounce: _Bounce | None = None
    complaint: _Complaint | None = None


class SesEvents:
    """Events of one SNS topic; confirms its subscription."""

    def __init__(self, fetch: Callable[[str], bytes] = fetch) -> None:
        self._topic = Topic(fetch)

    def __call__(self, post: Post, topic: str) -> ProviderPost:
        """Reports of a notification, one for each recipient."""
        message = self._topic.message(post, topic)
        return ProviderPost([] if message is None else list(_reports(decoded(message, _Event))))


def _reports(event: _Event) -> Iterator[ProviderReport]:
    bounce, complaint, named = event.bounce, event.complaint, _named(event.mail)
    for one in bounce.bounced_recipients if bounce else ():
        if bounce and (bounce.bounce_type == "Permanent" or one.status):  # else an answer of a machine, or a guess
            permanent = bounce.bounce_type == "Permanent"
            kind, status = failure(one.diagnostic_code, one.status, permanent=permanent)
            yield ProviderReport(f"{bounce.feedback_id} {one.email_address}", kind, one.email_address, status, *named)
    for one in complaint.complained_recipients if complaint else ():
        if complaint and complaint.complaint_feedback_type != "not-spam":
            yield ProviderReport(
                f"{complaint.feedback_id} {one.email_address}", COMPLAINT, one.email_address, None, *named
            )


def _named(mail: _SentMail) -> tuple[str, str, str]:
    """Our id in the tags, our Message-ID in the original headers, and the envelope sender."""
    message_ids = [field.value for field in mail.headers if field.name.lower() == "message-id"]
    return "".join(mail.tags.get(NAME, ())[:1]), "".join(message_ids[:1]), mail.source
