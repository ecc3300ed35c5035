"""Builds the mails of due notifications, a batch per transaction: rights are checked now, and the bytes are final."""

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby

from sqlalchemy.orm import Session

from mailtalk import ids
from mailtalk.events import payloads, serializers
from mailtalk.events import record as events
from mailtalk.events.record import Happened
from mailtalk.keys import Keyring
from mailtalk.notifications import due as due_notifications
from mailtalk.notifications import hourly_cap, store
from mailtalk.notifications.batch import Batch, Heading
from mailtalk.notifications.due import DueNotification
from mailtalk.notifications.mails import MailIdentity, MailMaker, Part
from mailtalk.notifications.settle import Settlement, settle, unsettled
from mailtalk.notifications.store import Ended, NewMail
from mailtalk.participation import addresses
from mailtalk.vocabulary import EventType, Reason

log = logging.getLogger(__name__)
TRIGGERED = EventType.NOTIFICATION_TRIGGERED


class MailBuilder:
    """Builder of one batch; shared data is read and rendered once."""

    def __init__(self, session: Session, keyring: Keyring, identity: MailIdentity, now: datetime) -> None:
        self._session, self._keyring, self._identity, self._now = session, keyring, identity, now
        self._ended: list[Ended] = []

    def build(self) -> int:
        """Build the due notifications; returns their number, 0 if none is left."""
        claimed = due_notifications.claim(self._session, self._now)
        within_cap = hourly_cap.within(self._session, claimed, self._identity.mails_per_hour, self._now)
        digests = due_notifications.claim_digests(self._session, self._now)
        due = [*within_cap, *digests]
        if due:
            self._batch = Batch(self._session, due, self._now)
            settled = [(notification, self._settled(notification)) for notification in due]
            self._batch.load([(notification.recipient, settlement.wanted) for notification, settlement in settled])
            maker = MailMaker(self._batch, self._keyring, self._identity, self._now)
            store.add_mails(self._session, self._now, self._mails(maker, settled))
            store.end(self._session, self._now, self._ended)
            addresses.keep(self._session, maker.issued)
            self._tell()
        return len(claimed) + len(digests)

    def _settled(self, notification: DueNotification) -> Settlement:
        """Settle one notification; its failure must not keep those of other apps from being built."""
        fresh = self._batch.fresh(notification)
        try:
            is_reachable = bool(self._batch.addresses(notification.recipient))
            return settle(notification, fresh, self._now, is_reachable=is_reachable)
        except Exception as error:
            log.exception("notification %d could not be settled", notification.id)
            return _failed(unsettled(notification, fresh), error)

    def _mails(self, maker: MailMaker, settled: Sequence[Ended]) -> Iterator[NewMail]:
        """Mails of all notifications, made while they are written; the end of each notification is noted on the way."""
        for group in _groups(settled):
            ended, mails = self._made(maker, group)
            self._ended += ended
            yield from mails

    def _made(self, maker: MailMaker, group: Sequence[Ended]) -> tuple[Sequence[Ended], Sequence[NewMail]]:
        """One mail to each address about the notifications of a group that have a reader."""
        parts = [Part(notification, settlement.wanted) for notification, settlement in group if not settlement.reason]
        if not parts:
            return group, ()
        try:
            return group, maker.mails(parts, self._batch.addresses(parts[0].notification.recipient))
        except Exception as error:
            log.exception("notification %d could not be built", parts[0].notification.id)
            return [(each, end if end.reason else _failed(end, error)) for each, end in group], ()

    def _tell(self) -> None:
        """Record an event for each notification, also of a reader without an address, for apps with an endpoint."""
        apps = events.wanting(
            self._session, {notification.recipient.app_id for notification, _ in self._ended}, TRIGGERED
        )
        told = [
            (notification, settlement.wanted)
            for notification, settlement in self._ended
            if notification.recipient.app_id in apps
            and settlement.reason in {None, Reason.NO_ADDRESS, Reason.SUPPRESSED}
        ]
        events.record_many(self._session, list(self._events(told)), self._now)

    def _events(self, told: Sequence[tuple[DueNotification, Sequence[Heading]]]) -> Iterator[Happened]:
        keys = [(notification.recipient.app_id, notification.recipient.user_id) for notification, _ in told]
        users = self._batch.users(keys) if keys else {}
        rows = {
            key: self._batch.conversations[key]
            for key in (notification.recipient.conversation for notification, _ in told)
        }
        conversations = payloads.conversations(self._session, list(rows.values())) if rows else {}
        for (notification, wanted), key in zip(told, keys, strict=True):
            conversation = notification.recipient.conversation
            data = {
                "notificationId": ids.NOTIFICATION.show(notification.id),
                "recipient": serializers.user(users[key]),
                "sender": self._batch.sender(wanted[-1]),
                "conversation": conversations[conversation],
                "messages": [serializers.message(message, message.read_by) for message in self._batch.shown(wanted)],
            }
            yield Happened(conversation.app_id, TRIGGERED, data, conversation.id)


def _groups(settled: Sequence[Ended]) -> Iterator[list[Ended]]:
    """Notifications for one mail each: those of a digest's reader, which are in a row, together."""
    for _, group in groupby(settled, lambda pair: pair[0].reader):
        yield list(group)


def _failed(settlement: Settlement, error: Exception) -> Settlement:
    return settlement._replace(reason=f"error: {type(error).__name__}")
