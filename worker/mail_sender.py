"""MailSender: what is due is claimed and sent by a few threads; a mail that hangs keeps no other waiting."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from queue import Empty, SimpleQueue

from mailtalk import clock
from mailtalk.db.database import Database
from mailtalk.errors import Unavailable
from mailtalk.keys import Keyring, SealBroken
from mailtalk.outbound import deliveries, queue, verp
from mailtalk.outbound.deliveries import Claimed, Rules
from mailtalk.outbound.relay import Relay, Sent
from mailtalk.outbound.smtp_connection import Envelope
from mailtalk.vocabulary import DeliveryKind, Stage

AHEAD = 8  # mails in hand for each connection: so many wait when one of them hangs, and none of another worker's

log = logging.getLogger(__name__)


class MailSender:
    """The senders of a worker, and the mails that it has in hand."""

    def __init__(  # noqa: PLR0913, PLR0917  what sending needs
        self,
        database: Database,
        keyring: Keyring,
        domain: str,
        relay: Relay | None,
        rules: Rules,
        worker_id: Callable[[], int | None],
        connections: int,
    ) -> None:
        self._database, self._keyring, self._domain = database, keyring, domain
        self._relay, self._rules, self._worker_id = relay, rules, worker_id
        self._senders = ThreadPoolExecutor(connections, thread_name_prefix="sender")
        self._most = connections * AHEAD
        self._in_hand = 0
        self._more = False  # the last claim filled the hands: there may be more
        self._closed = False
        self._filling = threading.Lock()
        self._changed = threading.Condition()
        self._unsettled: SimpleQueue[tuple[Claimed, Sent]] = SimpleQueue()

    def look(self) -> None:
        """Settle what could not be settled, and take in hand what is due; does not wait until it is sent."""
        self._settle_late()
        if self._relay is not None:
            self._relay.tidy()
        self._fill()

    def wait(self) -> None:
        """Wait until nothing is in hand."""
        with self._changed:
            self._changed.wait_for(lambda: self._in_hand == 0)

    def close(self) -> None:
        """Finish the mails that are being sent; the others in hand are another worker's once this one is gone."""
        with self._filling:
            self._closed = True
        self._senders.shutdown(cancel_futures=True)
        if self._relay is not None:
            self._relay.close()

    def recover(self) -> int:
        """Free what dead workers had in hand; gives how many."""
        with self._database.transaction() as session:
            return queue.recover(session, self._rules)

    @property
    def paused(self) -> bool:
        """Whether every relay is left alone for now."""
        return self._relay is not None and self._relay.room(1) == 0

    def _fill(self) -> None:
        """Claim until the hands are full; whoever finds another at it leaves it to that one."""
        if not self._filling.acquire(blocking=False):
            return
        try:
            room = self._room()
            claimed = self._claim(room)
            self._more = len(claimed) == room
            with self._changed:
                self._in_hand += len(claimed)
            for each in claimed:
                self._senders.submit(self._deliver, each)
        finally:
            self._filling.release()

    def _room(self) -> int:
        """One, when a relay that was in trouble is to be tried."""
        most = self._most if self._relay is None else self._relay.room(self._most)
        return 0 if self._closed else max(most - self._in_hand, 0)

    def _claim(self, room: int) -> list[Claimed]:
        worker_id = self._worker_id()
        if worker_id is None or not room:  # without a life nobody could tell that our claims are free again
            return []
        with self._database.transaction() as session:
            return queue.claim(session, clock.now(), worker_id, room, self._rules)

    def _deliver(self, claimed: Claimed) -> None:
        # When the claim was lost, whoever has it now sends the mail, and settling changes nothing.
        lost = Sent(Stage.QUEUED, "it is not sure that it was still ours to send")
        try:
            self._settle(claimed, self._send(claimed) or lost)
        except Unavailable as error:
            log.warning("how a delivery ended cannot be recorded yet: %s", error)
        except Exception:
            log.exception("how delivery %s ended cannot be recorded", claimed.id)
        finally:
            self._let_go()

    def _let_go(self) -> None:
        with self._changed:
            self._in_hand -= 1
            low = self._more and self._in_hand <= self._most // 2
            self._changed.notify_all()
        if low:
            with suppress(Unavailable):  # the sweep looks again
                self._fill()

    def _send(self, claimed: Claimed) -> Sent | None:
        try:
            mail = self._keyring.unseal(claimed.body_sealed, about=deliveries.seal_name(claimed.id))
        except SealBroken as error:
            return Sent(Stage.FAILED, str(error))
        if self._relay is None:
            return Sent(Stage.CAPTURED, "no relay is set")
        try:
            return self._relay.send(self._envelope(claimed), mail, lambda: self._about_to_end(claimed))
        except Exception as error:
            log.exception("delivery %s: sending failed in a way we did not foresee", claimed.id)
            return Sent(Stage.UNKNOWN, f"error: {type(error).__name__}")

    def _envelope(self, claimed: Claimed) -> Envelope:
        """What fails of a notification comes back to us; of a notice about a mail nothing must (RFC 3834)."""
        sender = ""
        if claimed.kind == DeliveryKind.NOTIFICATION:
            sender = f"{verp.local_part(self._keyring, claimed.id)}@{self._domain}"
        return Envelope(sender, claimed.address, str(claimed.id))

    def _about_to_end(self, claimed: Claimed) -> bool:
        try:
            with self._database.transaction() as session:
                return deliveries.sending(session, claimed)
        except Unavailable:
            return False  # unsaid, so unsent

    def _settle(self, claimed: Claimed, sent: Sent) -> None:
        try:
            with self._database.transaction() as session:
                deliveries.settle(session, clock.now(), claimed, sent.stage, sent.reply, self._rules)
        except Exception:
            self._unsettled.put((claimed, sent))  # nobody else may: while we live, the claim is ours
            raise

    def _settle_late(self) -> None:
        with suppress(Empty):
            while True:
                self._settle(*self._unsettled.get_nowait())
