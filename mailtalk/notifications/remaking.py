"""Mails made anew: of a notification whose mail changed while it waited, and was never sent."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from mailtalk.events import record as events
from mailtalk.events.record import Happened
from mailtalk.keys import Keyring
from mailtalk.mail import address as mail_address
from mailtalk.notifications import store
from mailtalk.notifications.batch import Batch
from mailtalk.notifications.due import BATCH, COLUMNS, DueNotification, Recipient
from mailtalk.notifications.mails import MailIdentity, MailMaker
from mailtalk.notifications.settle import Settlement, settle
from mailtalk.notifications.store import NewMail
from mailtalk.outbound import delivery_events
from mailtalk.participation import addresses
from mailtalk.vocabulary import MADE_ANEW, DeliveryKind, MailChange

log = logging.getLogger(__name__)

# Outdated deliveries, with the addresses to which the notification's other mails went.
_CLAIM = text(f"""
    SELECT d.id, d.notification_id, d.address, d.seqs, d.reply,
        ARRAY(SELECT o.address FROM deliveries o WHERE o.app_id = d.app_id AND o.conversation_id = d.conversation_id
            AND o.user_id = d.user_id AND o.notification_id = d.notification_id AND o.id <> d.id
            AND o.stage <> 'cancelled') AS others, {COLUMNS}
    FROM deliveries d JOIN participations p USING (app_id, conversation_id, user_id)
    JOIN users u ON u.app_id = p.app_id AND u.id = p.user_id
    JOIN apps a ON a.id = p.app_id
    WHERE d.stage = 'outdated' ORDER BY d.app_id, d.id LIMIT :limit
    FOR NO KEY UPDATE OF d, p SKIP LOCKED""")  # noqa: S608  ours


@dataclass(frozen=True, slots=True)
class OutdatedMail:
    """Outdated delivery: its notification, the address that it was for, and why it is outdated."""

    id: UUID
    notification: DueNotification
    address: str
    change: str
    others: Sequence[str]
    kind: str = DeliveryKind.NOTIFICATION

    @property
    def recipient(self) -> Recipient:
        """The reader."""
        return self.notification.recipient

    @property
    def app_id(self) -> str:
        """The app."""
        return self.recipient.app_id

    @property
    def conversation_id(self) -> str:
        """The conversation."""
        return self.recipient.conversation_id

    @property
    def user_id(self) -> str:
        """The reader's id."""
        return self.recipient.user_id

    @property
    def notification_id(self) -> int:
        """The notification's id."""
        return self.notification.id


Ended = tuple[OutdatedMail, str]  # with the reason of its end
Settled = tuple[OutdatedMail, Settlement]


def remake(session: Session, keyring: Keyring, identity: MailIdentity, now: datetime) -> int:
    """Make a batch of outdated mails anew, with new Message-IDs, and cancel the old ones in the same transaction.

    Returns the number of the old ones, 0 if none is left. One for which nothing is left is cancelled with the reason.
    """
    outdated = _claim(session)
    if outdated:
        batch = Batch(session, [mail.notification for mail in outdated], now)
        settled = [(mail, _settled(batch, mail, now)) for mail in outdated]
        batch.load([(mail.recipient, settlement.wanted) for mail, settlement in settled])
        maker, ended = MailMaker(batch, keyring, identity, now), list[Ended]()
        store.add_mails(session, now, _mails(batch, maker, settled, ended))
        store.cancel(session, now, [(mail.app_id, mail.id, reason) for mail, reason in ended])
        addresses.keep(session, maker.issued)
        events.record_many(session, list(_cancelled(ended)), now)
    return len(outdated)


def _claim(session: Session) -> list[OutdatedMail]:
    outdated = []
    for row in session.execute(_CLAIM, {"limit": BATCH}):
        first = row.seqs[0].lower
        notification = DueNotification(row.notification_id, first, Recipient(*row[6:]), row.seqs)
        outdated.append(OutdatedMail(row.id, notification, row.address, row.reply, row.others))
    return outdated


def _settled(batch: Batch, mail: OutdatedMail, now: datetime) -> Settlement:
    is_reachable = bool(batch.addresses(mail.recipient))
    return settle(mail.notification, batch.fresh(mail.notification), now, is_reachable=is_reachable)


def _mails(batch: Batch, maker: MailMaker, settled: Sequence[Settled], ended: list[Ended]) -> Iterator[NewMail]:
    """New mails; the end of each old one is noted on the way."""
    corrected: dict[int, set[str]] = {}
    for mail, settlement in settled:
        taken = corrected.setdefault(mail.notification_id, set())
        mailboxes = [address for address in _mailboxes(batch.addresses(mail.recipient), mail) if address not in taken]
        taken.update(mailboxes)
        reason, mails = _made(maker, mail, settlement, mailboxes)
        ended.append((mail, reason))
        yield from mails


def _made(
    maker: MailMaker, mail: OutdatedMail, settlement: Settlement, mailboxes: Sequence[str]
) -> tuple[str, Sequence[NewMail]]:
    if settlement.reason or not mailboxes:
        return settlement.reason or MailChange.ADDRESS, ()
    try:
        return f"{MADE_ANEW}{mail.change}", maker.mails(mail.notification, settlement.wanted, mailboxes)
    except Exception as error:  # a mail that fails must not keep the others from being made
        log.exception("delivery %s could not be made anew", mail.id)
        return f"error: {type(error).__name__}", ()


def _cancelled(ended: Sequence[Ended]) -> Iterator[Happened]:
    """Events about those that no other mail replaces."""
    for mail, reason in ended:
        event = delivery_events.cancelled(mail, reason)
        if event and not reason.startswith(MADE_ANEW):
            yield event


def _mailboxes(current: Sequence[str], mail: OutdatedMail) -> list[str]:
    """The same address if it is still the reader's; else those that no other mail of the notification went to."""
    own = mail_address.normal(mail.address)
    same = [address for address in current if mail_address.normal(address) == own]
    others = {mail_address.normal(address) for address in mail.others}
    return same or [address for address in current if mail_address.normal(address) not in others]
