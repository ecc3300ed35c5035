"""Fetcher: takes the mails of an IMAP folder that are ours; a mail is moved only after it was committed."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event

from cli.fetch import envelope
from cli.fetch.imap_folder import ImapAccount, ImapError, ImapFolder, StoredMail
from mailtalk import clock
from mailtalk.db import seen
from mailtalk.db.database import Database
from mailtalk.errors import MailtalkError
from mailtalk.inbound import handover, receive
from mailtalk.inbound.handover import HandedMail
from mailtalk.inbound.receive import POSTMASTER
from mailtalk.keys import Keyring
from mailtalk.settings.load import Settings

SHORTEST, LONGEST = 1.0, 300.0  # seconds between two attempts to connect
Trouble = (*ImapError, MailtalkError)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FetchRules:
    """Domain of our addresses, largest mail in bytes, and the folders for our mails and, if set, for all others."""

    domain: str
    largest: int
    done: str
    other: str | None

    @classmethod
    def of(cls, settings: Settings) -> "FetchRules":
        """Read the settings."""
        return cls(
            settings.reply_domain, settings.smtp_message_bytes, settings.imap_done_folder, settings.imap_other_folder
        )


class Fetcher:
    """Fetcher of one folder."""

    def __init__(
        self, account: ImapAccount, database: Database, keyring: Keyring, rules: FetchRules, bell: Callable[[], None]
    ) -> None:
        self._account, self._rules = account, rules
        self._database, self._keyring, self._bell = database, keyring, bell
        self._validity, self._next = 0, 1  # UIDs below were looked at

    def run(self, stop: Event) -> None:
        """Fetch until `stop` is set; connects again with a growing pause."""
        pause = SHORTEST
        while not stop.is_set():
            try:
                with ImapFolder(self._account) as folder:
                    log.info("watching %s", self._account)
                    while not stop.is_set():
                        self.take(folder)
                        pause = SHORTEST
                        folder.wait(stop)
            except Exception as error:  # one folder's trouble is no other's
                trace = None if isinstance(error, Trouble) else error
                log.warning("%s: %s; the next attempt is in %.0f s", self._account, error, pause, exc_info=trace)
                stop.wait(pause)
                pause = min(pause * 2, LONGEST)

    def once(self) -> None:
        """Take what is there. Raises `Trouble`."""
        with ImapFolder(self._account) as folder:
            self.take(folder)

    def take(self, folder: ImapFolder) -> None:
        """Take the new mails of a folder, one after the other."""
        if folder.validity != self._validity:
            self._validity, self._next = folder.validity, 1
            for name in filter(None, (self._rules.done, self._rules.other)):
                folder.make(name)
        for mail in folder.mails(self._next):
            is_ours = self._take(folder, mail)
            target = self._rules.done if is_ours else self._rules.other
            if target:
                folder.move(mail.uid, target)
            self._next = mail.uid + 1

    def _take(self, folder: ImapFolder, mail: StoredMail) -> bool:
        """Store a mail if it is to an address of ours; False if it is not."""
        header = envelope.read(mail.header)
        recipients = self._ours(header.added) or self._ours(header.written)
        if not recipients:
            return False
        if mail.size > self._rules.largest:
            log.warning("%s: mail %d is larger than MAILTALK_SMTP_MESSAGE_BYTES", self._account, mail.uid)
            return False
        raw = folder.raw(mail.uid)
        return bool(raw) and self._store(mail.uid, HandedMail(header.mail_from, recipients, raw))

    def _ours(self, mailboxes: Sequence[str]) -> list[str]:
        """Mailboxes with an address that we could have issued, live or not."""
        recognised = ((one, receive.recognise(self._keyring, one, self._rules.domain)) for one in mailboxes)
        return [
            mailbox
            for mailbox, bearer in recognised
            if bearer not in {None, POSTMASTER} or receive.may_be_ours(mailbox, self._rules.domain)
        ]

    def _store(self, uid: int, mail: HandedMail) -> bool:
        """Store a mail, unless it was stored before and not moved; False if no recipient is live."""
        key, now = f"imap {self._account} {self._validity} {uid}", clock.now()
        with self._database.transaction() as session:
            if not seen.new(session, now, [key]):
                return True
            unknown = handover.store(session, self._keyring, self._rules.domain, mail, now)
            is_stored = len(unknown) < len(set(mail.recipients))
            if not is_stored:
                seen.forget(session, key)
        if is_stored:
            self._bell()
            log.info("took a mail from %s, %d of its recipients unknown", self._account, len(unknown))
        return is_stored
