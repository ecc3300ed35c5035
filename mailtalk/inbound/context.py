"""Dependencies of inbound processing: keys, reply domain, readers, and the limits from the settings."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Protocol, TypeVar

from mailtalk.inbound.authentication import Authenticator
from mailtalk.inbound.dns import Resolver
from mailtalk.keys import Keyring
from mailtalk.mail.parsing.parse import Thumbnail
from mailtalk.mail.reader.reading import Reading
from mailtalk.mail.replies.extract import Reply
from mailtalk.mail.replies.quotes.own_mail import OwnAddress
from mailtalk.notifications.windows import Pace
from mailtalk.outbound.dkim_signing import MailSigner
from mailtalk.settings.load import Settings

Item = TypeVar("Item")
Result = TypeVar("Result")


@cache
def own_address(domain: str) -> OwnAddress:
    """Matcher for our inbound addresses, which are hidden in everything that is stored."""
    return OwnAddress(domain)


class MailReader(Protocol):
    """Reader of one mail; raises LimitExceeded for one beyond the limits, Unreadable for one that cannot be read."""

    def read(self, raw: bytes, mail_from: str, own_domain: str, own_mailbox: str = "") -> Reading:
        """Parse and classify the mail, and keep it for `words`."""
        ...

    def words(self, sent: bytes | None, locale: str | None = None) -> Reply:
        """Reply text of the mail read last; `sent` is the mail of ours that it answers, `locale` its author's."""
        ...

    def thumbnails(self, pictures: Sequence[bytes]) -> Sequence[Thumbnail | None]:
        """Thumbnails of pictures; None for one that cannot be decoded within the limits."""
        ...


class MailReaders(Protocol):
    """Pool of isolated reader processes, each of which reads one mail at a time."""

    def map(self, read: Callable[[MailReader, Item], Result], items: Sequence[Item]) -> list[Result]:
        """Results of `read(reader, item)` in the order of the items; several items are read in parallel."""
        ...


@dataclass(frozen=True, slots=True)
class InboundContext:
    """Dependencies of inbound processing: keys, reply domain, readers, and the limits from the settings."""

    keyring: Keyring
    domain: str
    pace: Pace
    readers: MailReaders
    mail_per_hour: int = 60
    sender: str = ""
    base_url: str = ""
    authenticator: Authenticator | None = None
    suppress: timedelta = timedelta(days=30)  # suppression of an address that does not exist
    signer: MailSigner = MailSigner()  # noqa: RUF009  immutable
    mailbox: str = ""  # of all inbound addresses; empty: each has its own

    @classmethod
    def from_settings(cls, settings: Settings, keyring: Keyring, readers: MailReaders) -> "InboundContext":
        """Build the context from the settings."""
        return cls(
            keyring,
            settings.reply_domain,
            Pace.of(settings),
            readers,
            settings.mail_per_hour,
            settings.sender,
            settings.base_url,
            Authenticator(Resolver(settings.dns_servers), settings.trusted_sealers),
            timedelta(days=settings.suppress_days),
            MailSigner.of(settings),
            settings.own_mailbox,
        )
