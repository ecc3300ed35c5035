"""Dependencies of inbound processing: keys, reply domain, readers, and the rules that the settings name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Protocol, TypeVar

from mailtalk.inbound.authentication import Authenticator
from mailtalk.inbound.dns import Resolver
from mailtalk.keys import Keyring
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
    """The form of our inbound addresses, by which they are hidden in what is kept."""
    return OwnAddress(domain)


class MailReader(Protocol):
    """Reads one mail; LimitExceeded for one beyond the limits, Unreadable for one that it cannot read."""

    def read(self, raw: bytes, mail_from: str, own_domain: str) -> Reading:
        """Judge the mail, and keep it in mind."""
        ...

    def words(self, sent: bytes | None) -> Reply:
        """What the person wrote in the mail in mind, who may answer our mail `sent`."""
        ...


class MailReaders(Protocol):
    """Isolated processes that read mails, one mail at a time each."""

    def map(self, read: Callable[[MailReader, Item], Result], items: Sequence[Item]) -> list[Result]:
        """The results of `read(reader, item)` in the order of the items; several are read at once."""
        ...


@dataclass(frozen=True, slots=True)
class InboundContext:
    """Dependencies of inbound processing: keys, reply domain, readers, and the rules that the settings name."""

    keyring: Keyring
    domain: str
    pace: Pace
    readers: MailReaders
    mail_per_hour: int = 60
    sender: str = ""
    base_url: str = ""
    authenticator: Authenticator | None = None
    suppress: timedelta = timedelta(days=30)  # how long an address that does not exist is left alone
    signer: MailSigner = MailSigner()  # noqa: RUF009  immutable

    @classmethod
    def from_settings(cls, settings: Settings, keyring: Keyring, readers: MailReaders) -> "InboundContext":
        """The context that the settings name."""
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
        )
