"""Mails made anew: of a notification whose mail changed while it waited, and was never sent."""

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple
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
from mailtalk.notifications.mails import MailIdentity, MailMaker, Part
from mailtalk.notifications.settle import Settlement, settle
from mailtalk.notifications.store import NewMail
from mailtalk.outbound import delivery_events
from mailtalk.participation import addresses
from mailtalk.vocabulary import MADE_ANEW, MailChange, Reason

log = logging.getLogger(__name__)

# Outdated deliveries, with the addresses to which the other mails about the same went.
_CLAIM = text("""
    SELECT d.app_id, d.id, d.user_id, d.kind, d.conversation_id, d.notification_id, d.address, d.reply AS change, ARRAY(
        SELECT o.address FROM deliveries o WHERE d.kind = 'notification' AND o.app_id = d.app_id
            AND o.conversation_id = d.conversation_id AND o.user_id = d.user_id
            AND o.notification_id = d.notification_id AND o.id <> d.id AND o.stage <> 'cancelled'
        UNION
        SELECT o.address FROM digest_sections g JOIN digest_sections same USING (app_id, notification_id)
        JOIN deliveries o ON o.app_id = same.app_id AND o.id = same.delivery_id
        WHERE g.app_id = d.app_id AND g.delivery_id = d.id AND o.id <> d.id AND o.stage <> 'cancelled') AS others
    FROM deliveries d WHERE d.stage = 'outdated' ORDER BY d.app_id, d.id LIMIT :limit
    FOR NO KEY UPDATE OF d SKIP LOCKED""")
_PARTS = text(f"""
    SELECT d.id, part.notification_id, part.seqs, {COLUMNS}
    FROM unnest(CAST(:apps AS text[]), CAST(:ids AS uuid[])) AS key (app_id, id) JOIN deliveries d USING (app_id, id)
    CROSS JOIN LATERAL (
        SELECT d.conversation_id, d.notification_id, d.seqs WHERE d.kind = 'notification'
        UNION ALL
        SELECT g.conversation_id, g.notification_id, g.seqs FROM digest_sections g
        WHERE g.app_id = d.app_id AND g.delivery_id = d.id) AS part
    JOIN participations p ON p.app_id = d.app_id AND p.conversation_id = part.conversation_id AND p.user_id = d.user_id
    JOIN users u ON u.app_id = p.app_id AND u.id = p.user_id
    JOIN apps a ON a.id = p.app_id
    ORDER BY d.app_id, d.id, part.notification_id FOR NO KEY UPDATE OF p""")  # noqa: S608  ours


class OutdatedMail(NamedTuple):
    """Outdated delivery, and why it is outdated."""

    app_id: str
    id: UUID
    user_id: str
    kind: str
    conversation_id: str
    notification_id: int | None
    address: str
    change: str
    others: Sequence[str]


Ended = tuple[OutdatedMail, str]  # with the reason of its end
Settled = tuple[DueNotification, Settlement]


def remake(session: Session, keyring: Keyring, identity: MailIdentity, now: datetime) -> int:
    """Make a batch of outdated mails anew, with new Message-IDs, and cancel the old ones in the same transaction.

    Returns the number of the old ones, 0 if none is left. One for which nothing is left is cancelled with the reason.
    """
    outdated = [OutdatedMail(*row) for row in session.execute(_CLAIM, {"limit": BATCH})]
    if outdated:
        parts = _parts(session, outdated)
        batch = Batch(session, [part for mail in outdated for part in parts.get(mail.id, ())], now)
        settled = {key: [_settled(batch, part, now) for part in group] for key, group in parts.items()}
        batch.load([(part.recipient, end.wanted) for group in settled.values() for part, end in group])
        maker, ended = MailMaker(batch, keyring, identity, now), list[Ended]()
        remade = [(mail, settled.get(mail.id, [])) for mail in outdated]
        store.add_mails(session, now, _mails(batch, maker, remade, ended))
        store.cancel(session, now, [(mail.app_id, mail.id, reason) for mail, reason in ended])
        addresses.keep(session, maker.issued)
        events.record_many(session, list(_cancelled(ended)), now)
    return len(outdated)


def _parts(session: Session, outdated: Sequence[OutdatedMail]) -> dict[UUID, list[DueNotification]]:
    """Notifications of each mail, without those whose conversations were deleted."""
    parts: dict[UUID, list[DueNotification]] = {}
    keys = {"apps": [mail.app_id for mail in outdated], "ids": [mail.id for mail in outdated]}
    for row in session.execute(_PARTS, keys):
        part = DueNotification(row.notification_id, row.seqs[0].lower, Recipient(*row[3:]), row.seqs)
        parts.setdefault(row.id, []).append(part)
    return parts


def _settled(batch: Batch, part: DueNotification, now: datetime) -> Settled:
    is_reachable = bool(batch.addresses(part.recipient))
    return part, settle(part, batch.fresh(part), now, is_reachable=is_reachable)


def _mails(
    batch: Batch,
    maker: MailMaker,
    remade: Sequence[tuple[OutdatedMail, Sequence[Settled]]],
    ended: list[Ended],
) -> Iterator[NewMail]:
    """New mails; the end of each old one is noted on the way."""
    corrected: dict[int, set[str]] = {}
    for mail, settled in remade:
        mailboxes = _mailboxes(batch.addresses(settled[0][0].recipient), mail) if settled else []
        taken = corrected.setdefault(settled[0][0].id if settled else 0, set())
        mailboxes = [address for address in mailboxes if address not in taken]
        taken.update(mailboxes)
        reason, mails = _made(maker, mail, settled, mailboxes)
        ended.append((mail, reason))
        yield from mails


def _made(
    maker: MailMaker, mail: OutdatedMail, settled: Sequence[Settled], mailboxes: Sequence[str]
) -> tuple[str, Sequence[NewMail]]:
    parts = [Part(notification, end.wanted) for notification, end in settled if not end.reason]
    if not parts:
        return next((end.reason for _, end in settled if end.reason), Reason.CONVERSATION_DELETED), ()
    if not mailboxes:
        return MailChange.ADDRESS, ()
    try:
        return f"{MADE_ANEW}{mail.change}", maker.mails(parts, mailboxes)
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
