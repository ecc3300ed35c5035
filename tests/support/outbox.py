"""From messages to mails by hand: windows closed, notifications made and read back at moments that the test names."""

import email
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import Message as Mail

from sqlalchemy import select
from support.cast import Cast

from mailtalk import sealed_mail
from mailtalk.conversations import conversations, messages
from mailtalk.conversations.drafts import Draft
from mailtalk.keys import Keyring
from mailtalk.models import Delivery, Message
from mailtalk.notifications import windows
from mailtalk.notifications.builder import MailBuilder
from mailtalk.notifications.mails import MailIdentity
from mailtalk.notifications.windows import Pace
from mailtalk.vocabulary import MessageType, Origin

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PACE = Pace(timedelta(seconds=30), timedelta(seconds=100))
DOMAIN = "reply.localhost"
SENDER = MailIdentity(f"notify@{DOMAIN}", DOMAIN, "https://mail.example")


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


@dataclass(frozen=True)
class Post:
    """The cast, with a post office whose clock the test turns."""

    cast: Cast
    keyring: Keyring

    def say(self, user: str | None, text: str, seconds: float = 0, pace: Pace = PACE) -> Message:
        kind = MessageType.USER if user else MessageType.SYSTEM
        with self.cast.database.transaction() as session:
            conversation = conversations.lock(session, self.cast.key)
            return messages.post(session, at(seconds), pace, conversation, [Draft(kind, text, Origin.REST, user)])[0]

    def close(self, seconds: float) -> int:
        with self.cast.database.transaction() as session:
            return windows.close_windows(session, at(seconds))

    def make(self, seconds: float) -> int:
        with self.cast.database.transaction() as session:
            return MailBuilder(session, self.keyring, SENDER, at(seconds)).build()

    def mails(self) -> list[tuple[str, Mail]]:
        """All mails of the conversation made so far, oldest first, as (user, mail)."""
        query = select(Delivery).where(Delivery.conversation_id == self.cast.conversation)
        with self.cast.database.transaction() as session:
            made = session.scalars(query.order_by(Delivery.created_at, Delivery.address)).all()
        return [(row.user_id, email.message_from_bytes(self.opened(row))) for row in made]

    def opened(self, row: Delivery) -> bytes:
        return sealed_mail.unseal(self.keyring, row.body_sealed, f"delivery/{row.id}")

    def mailed(self, seconds: float = 1000) -> list[str]:
        """Whom the messages so far are mailed to."""
        before = len(self.mails())
        self.close(seconds)
        self.make(seconds)
        return sorted(user for user, _ in self.mails()[before:])


def text(mail: Mail) -> str:
    """The plain part."""
    part = next(each for each in mail.walk() if each.get_content_type() == "text/plain")
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode().replace("\r\n", "\n")
