"""Handler of the bridge: admits recipients, and stores mails before their 250. It does not parse mails."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from aiosmtpd.smtp import Session

from mailtalk import clock
from mailtalk.db.database import Database
from mailtalk.db.group_commit import Batches
from mailtalk.db.kept_connection import KeptConnection
from mailtalk.errors import Unavailable
from mailtalk.inbound import receive
from mailtalk.inbound.receive import AddressHash, Arrival, SealedMail
from mailtalk.keys import Keyring
from mailtalk.participation import addresses
from mailtalk.participation.addresses import Bearer
from mailtalk.rate_limited_log import RateLimitedLog
from mailtalk.settings.load import Settings
from smtp_bridge import replies
from smtp_bridge.missing_keys import MissingKeys
from smtp_bridge.protocol import SmtpSession
from smtp_bridge.transaction import MailEnvelope

BATCH_UNIT = 35_000  # bytes that count as one mail in a batch: a commit is at most 18 MB, or one mail
LARGE = 250_000  # bytes from which a mail is sealed in a thread
WRITERS = 2  # concurrent commits: one waits for the disk while the other's mails are answered
BELL_PAUSE = 0.05  # seconds between two rings: one costs as much as ten mails
NAME = 255  # characters of a HELO name that are kept

log = logging.getLogger(__name__)
outages = RateLimitedLog(log)


class BridgeHandler:
    """Decisions and storage for all sessions. Concurrent look-ups share a query, concurrent mails a commit."""

    def __init__(self, database: Database, keyring: Keyring, settings: Settings, bell: Callable[[], None]) -> None:
        self._keyring, self._bell = keyring, bell
        self._domain, self._recipients = settings.reply_domain, settings.smtp_recipients
        self._reading = KeptConnection(database)
        self._writing = [KeptConnection(database) for _ in range(WRITERS)]
        self._look_ups = Batches[AddressHash, Bearer | None](self._look_up)
        self._missing_keys = MissingKeys(self._reading, keyring)
        self._intake = Batches[SealedMail, int](self._commit, _weight, WRITERS)
        self._bell_rests: asyncio.TimerHandle | None = None
        self._to_ring = False
        self._sealer = ThreadPoolExecutor(1, thread_name_prefix="sealer")  # large mails, one at a time for their memory
        self._sealing: set[asyncio.Task[int]] = set()

    def begin(self, session: SmtpSession, envelope: MailEnvelope, sender: str, options: list[str]) -> str:
        """Answer MAIL: 250 for any sender; 552 or 452 for the declared SIZE."""
        size = next((int(option[5:]) for option in options if option.startswith("SIZE=")), 0)
        if size > (session.data_size_limit or size):
            return replies.TOO_LARGE
        if not session.has_room(size):
            return replies.NO_STORAGE
        envelope.mail_from = sender
        envelope.mail_options.extend(options)
        return replies.OK_SENDER

    def admit(self, envelope: MailEnvelope, mailbox: str) -> "str | asyncio.Future[Bearer | None]":
        """Answer RCPT at once, or return a look-up; pass its result to `admitted`."""
        if len(envelope.rcpt_tos) >= self._recipients:
            return replies.TOO_MANY_RECIPIENTS
        recipient = receive.recognise(self._keyring, mailbox, self._domain)
        if isinstance(recipient, bytes):
            return self._look_ups.submit(recipient)
        if recipient is None and receive.may_be_ours(mailbox, self._domain):
            return self._missing_keys.answer(mailbox)
        return _accept(envelope, mailbox, recipient)

    def admitted(self, envelope: MailEnvelope, mailbox: str, bearer: "asyncio.Future[Bearer | None]") -> str:
        """Answer RCPT after the look-up: 250 for an address of ours, 550 for any other, 451 if the look-up failed."""
        if error := bearer.exception():
            return self.failure(error)
        return _accept(envelope, mailbox, bearer.result())

    def store(self, envelope: MailEnvelope, client_ip: str | None, helo: str | None) -> "asyncio.Future[int]":
        """Store a mail; the future gives its id. A client that disconnects does not stop the commit."""
        try:
            mail_id = self._store(envelope, client_ip, helo)
        except Exception:
            envelope.data.close()
            raise
        mail_id.add_done_callback(lambda _: envelope.data.close())
        return mail_id

    def stored(self, mail_id: "asyncio.Future[int]") -> str:
        """Answer the final dot: 250 after the commit, else 451."""
        error = mail_id.exception()
        return self.failure(error) if error else replies.OK_QUEUED

    def failure(self, error: BaseException) -> str:
        """Answer a failure of ours: always a 4xx, never with the exception's text."""
        if isinstance(error, Unavailable):
            if not error.is_logged:
                outages.warning("answered 451: %s", error)
        else:
            log.error("answered 451: %s", type(error).__name__, exc_info=error)
        return replies.TEMPORARY_FAILURE

    async def handle_MAIL(  # noqa: N802  aiosmtpd's name and parameters, as those below
        self, server: SmtpSession, _session: Session, envelope: MailEnvelope, address: str, options: list[str]
    ) -> str:
        """Handle a MAIL parsed by aiosmtpd."""
        return self.begin(server, envelope, address, options)

    async def handle_RCPT(  # noqa: N802
        self, _server: SmtpSession, _session: Session, envelope: MailEnvelope, address: str, _options: list[str]
    ) -> str:
        """Handle a RCPT parsed by aiosmtpd."""
        answer = self.admit(envelope, address)
        if isinstance(answer, str):
            return answer
        await asyncio.wait([answer])
        return self.admitted(envelope, address, answer)

    async def close(self) -> None:
        """Wait for the commits in progress."""
        await asyncio.gather(*self._sealing, return_exceptions=True)
        self._sealer.shutdown(wait=False)
        await self._intake.close()
        await self._look_ups.close()
        await self._missing_keys.close()
        for connection in (self._reading, *self._writing):
            await connection.close()
        if self._to_ring:
            self._bell()

    def _store(self, envelope: MailEnvelope, client_ip: str | None, helo: str | None) -> "asyncio.Future[int]":
        raw = envelope.data.take_out()
        sender, name = _clean(envelope.mail_from).removeprefix("<>"), _clean(helo)[:NAME]  # aiosmtpd: "<>"
        arrival = Arrival(sender, tuple(envelope.bearers), raw, clock.now(), client_ip, name or None)
        if len(raw) < LARGE:
            return self._intake.submit(receive.seal(self._keyring, arrival))
        task = asyncio.create_task(self._seal_and_store(arrival))
        self._sealing.add(task)
        task.add_done_callback(self._sealing.discard)
        return task

    async def _seal_and_store(self, arrival: Arrival) -> int:
        mail = await asyncio.get_running_loop().run_in_executor(self._sealer, receive.seal, self._keyring, arrival)
        del arrival  # so that the waiting mail is in memory only once
        return await self._intake.put(mail)

    async def _look_up(self, hashes: Sequence[AddressHash]) -> list[Bearer | None]:
        rows = await self._reading.read(addresses.BEARERS, addresses.hashes(hashes))
        bearers = addresses.bearers(rows)
        return [bearers.get(hash_) for hash_ in hashes]

    async def _commit(self, mails: Sequence[SealedMail]) -> list[int]:
        connection = self._writing.pop()
        try:
            rows = await connection.write(receive.STORE, receive.parameters(mails))
        finally:
            self._writing.append(connection)
        self._ring()
        ids = [mail_id for (mail_id,) in rows]
        log.info("stored %d mails: raw mails %s", len(ids), ", ".join(map(str, ids)))
        return ids

    def _ring(self) -> None:
        """Ring the bell; ring again after a pause if more mails were stored meanwhile."""
        if self._bell_rests:
            self._to_ring = True
            return
        self._bell()
        self._bell_rests = asyncio.get_running_loop().call_later(BELL_PAUSE, self._ring_again)

    def _ring_again(self) -> None:
        self._bell_rests = None
        if self._to_ring:
            self._to_ring = False
            self._ring()


def _accept(envelope: MailEnvelope, mailbox: str, bearer: Bearer | None) -> str:
    if bearer is None:
        return replies.NO_MAILBOX
    envelope.rcpt_tos.append(mailbox)
    if bearer not in envelope.bearers:  # a recipient named twice gets the mail once
        envelope.bearers.append(bearer)
    return replies.OK_RECIPIENT


def _weight(mail: SealedMail) -> int:
    return 1 + len(mail.sealed) // BATCH_UNIT


def _clean(name: str | None) -> str:
    """Convert a sender or HELO name to text valid in the database."""
    text = (name or "").encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return text.replace("\x00", "")
