"""The desk: what lies on it while one inbound mail is judged, and what is known there."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import NamedTuple, Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailtalk import files
from mailtalk.inbound.authentication import Authenticator
from mailtalk.inbound.dns import Resolver
from mailtalk.keys import Keyring
from mailtalk.mail.parsing.parse import Attachment
from mailtalk.mail.reader.reading import Reading
from mailtalk.mail.replies.extract import Reply
from mailtalk.models import App, Conversation, Delivery, InboundMail, User
from mailtalk.notifications.windows import Pace
from mailtalk.outbound import deliveries
from mailtalk.outbound.dkim_signing import MailSigner
from mailtalk.settings.load import Settings
from mailtalk.vocabulary import Outcome, Verdict


class Reader(Protocol):
    """Reads one mail; LimitExceeded for one beyond the limits, Unreadable for one that it cannot read."""

    def read(self, raw: bytes, mail_from: str, own_domain: str) -> Reading:
        """Judge the mail, and keep it in mind."""
        ...

    def words(self, sent: bytes | None) -> Reply:
        """What the person wrote in the mail in mind, who may answer our mail `sent`."""
        ...


class Readers(Protocol):
    """Readers to be had, each for one mail at a time."""

    def take(self) -> AbstractContextManager[Reader]:
        """Have a reader to oneself while the block runs."""
        ...


@dataclass(frozen=True, slots=True)
class Desk:
    """What processing needs to know: keys, domain, the pace at which messages become mails, who reads the mails.

    And, for what is not taken at once: how much one person may write, and how people are asked and told.
    """

    keyring: Keyring
    domain: str
    pace: Pace
    reader: Readers
    mail_per_hour: int = 60
    sender: str = ""
    base_url: str = ""
    authenticator: Authenticator | None = None
    suppress: timedelta = timedelta(days=30)  # how long an address that does not exist is left alone
    signer: MailSigner = MailSigner()  # noqa: RUF009  immutable

    @classmethod
    def of(cls, settings: Settings, keyring: Keyring, reader: Readers) -> "Desk":
        """As the settings say."""
        return cls(
            keyring,
            settings.reply_domain,
            Pace.of(settings),
            reader,
            settings.mail_per_hour,
            settings.sender,
            settings.base_url,
            Authenticator(Resolver(settings.dns_servers), settings.trusted_sealers),
            timedelta(days=settings.suppress_days),
            MailSigner.of(settings),
        )


class Judgement(NamedTuple):
    """What becomes of a mail, what was found, and the mark that showed it: all for the operator."""

    outcome: Outcome
    verdict: Verdict | None
    reason: str | None = None


@dataclass
class Case:
    """One mail on the desk, read; `trouble` says why only its header could be."""

    session: Session
    desk: Desk
    now: datetime
    row: InboundMail
    reading: Reading
    reader: Reader
    trouble: str | None = None
    conversation: Conversation | None = None  # once it is locked

    @cached_property
    def words(self) -> Reply:
        """What the person wrote."""
        return self.reader.words(self._answered())

    @cached_property
    def user(self) -> User | None:
        """Whose address the mail came to."""
        return self.session.get(User, (self.row.app_id, self.row.user_id))

    @cached_property
    def app(self) -> App:
        """The app of that user."""
        return self.session.get_one(App, self.row.app_id)

    @cached_property
    def subject(self) -> str | None:
        """What the conversation is called."""
        place = Conversation.app_id == self.row.app_id, Conversation.id == self.row.conversation_id
        return self.session.scalar(select(Conversation.subject).where(*place))

    @cached_property
    def files(self) -> Sequence[Attachment]:
        """The files that came with the words, and that this participant did not send before."""
        author = (self.row.app_id or "", self.row.conversation_id or "", self.row.user_id or "")
        came = [self.reading.attachments[place] for place in self.words.files]
        return files.fresh(self.session, self.desk.keyring, author, came)

    @property
    def mailboxes(self) -> list[str]:
        """Where that user has mail, as the app knows."""
        return list(dict.fromkeys((self.user and self.user.emails) or ()))

    def _answered(self) -> bytes | None:
        """Our mail that is answered, if the answer says which: what we wrote is no word of theirs."""
        row, answers = self.row, self.reading.answers
        query = select(Delivery).where(
            Delivery.app_id == row.app_id,
            Delivery.conversation_id == row.conversation_id,
            Delivery.user_id == row.user_id,
            Delivery.message_id.in_(answers),
        )
        delivery = self.session.scalar(query.order_by(Delivery.created_at.desc()).limit(1)) if answers else None
        if delivery is None:
            return None
        return self.desk.keyring.unseal(delivery.body_sealed, about=deliveries.seal_name(delivery.id))
