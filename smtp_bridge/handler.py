"""The bridge's handler: admits recipients, keeps mail before saying yes. Nothing is parsed here."""

import asyncio
import logging
from collections.abc import Callable

from aiosmtpd.smtp import Session

from mailtalk import clock
from mailtalk.db.database import Database
from mailtalk.db.group_commit import GroupCommit, in_time
from mailtalk.errors import Unavailable
from mailtalk.inbound import receive
from mailtalk.inbound.receive import Arrival
from mailtalk.keys import Keyring
from mailtalk.participation.addresses import Bearer
from smtp_bridge import replies
from smtp_bridge.protocol import Bridge, Mail

BATCH_UNIT = 50_000  # bytes that weigh as much as one small mail, so that a commit is 25 MB at most, or one mail
NAME = 255  # characters of a HELO name that are kept

log = logging.getLogger(__name__)


class Handler:
    """aiosmtpd's hooks: each answers with a line of `replies`."""

    def __init__(
        self, database: Database, keyring: Keyring, domain: str, recipients: int, bell: Callable[[], None]
    ) -> None:
        self._database, self._keyring, self._domain, self._recipients = database, keyring, domain, recipients
        self._intake = GroupCommit[Arrival, int](
            database, lambda session, arrivals: receive.receive(session, keyring, arrivals), bell, _weight
        )
        self._keeping: set[asyncio.Task[str]] = set()

    async def handle_MAIL(  # noqa: N802  aiosmtpd's name and parameters, as those below
        self, server: Bridge, _session: Session, envelope: Mail, address: str, options: list[str]
    ) -> str:
        """250 for whomever, or 452 when there is no room for the size that is announced."""
        size = next((int(each[5:]) for each in options if each.startswith("SIZE=")), 0)
        if not server.has_room(size):
            return replies.NO_STORAGE
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return replies.OK_SENDER

    async def handle_RCPT(  # noqa: N802
        self, _server: Bridge, _session: Session, envelope: Mail, address: str, _options: list[str]
    ) -> str:
        """250 for an address of ours, 550 for any other, 451 when we cannot tell."""
        if len(envelope.rcpt_tos) >= self._recipients:
            return replies.TOO_MANY_RECIPIENTS
        bearer = await self._admit(address)
        if bearer is None:
            return replies.NO_MAILBOX
        envelope.rcpt_tos.append(address)
        envelope.bearers.append(bearer)
        return replies.OK_RECIPIENT

    async def handle_DATA(self, server: Bridge, _session: Session, envelope: Mail) -> str:  # noqa: N802
        """Keep the raw mail, then 250. It is kept also when the client leaves in the middle of the commit."""
        task = asyncio.create_task(self._keep(envelope, *server.origin))
        self._keeping.add(task)
        task.add_done_callback(self._keeping.discard)
        return await asyncio.shield(task)

    def trouble(self, error: Exception) -> str:
        """Whatever went wrong is ours: never its text, never a 5xx."""
        if isinstance(error, Unavailable):
            log.warning("a recipient or a mail was put off: %s", error)
        else:
            log.error("an SMTP session failed: %s", type(error).__name__, exc_info=error)
        return replies.TEMPORARY_FAILURE

    async def close(self) -> None:
        """Wait for the commits under way."""
        await asyncio.gather(*self._keeping)
        await self._intake.close()

    async def _keep(self, mail: Mail, client_ip: str | None, helo: str | None) -> str:
        try:
            raw = mail.data.take_out()
            sender, name = _clean(mail.mail_from).removeprefix("<>"), _clean(helo)[:NAME]
            arrival = Arrival(sender, tuple(mail.bearers), raw, clock.now(), client_ip, name or None)
            mail_id = await self._intake.put(arrival)
        except Exception as error:  # noqa: BLE001 - all of it is trouble of ours, and is logged there
            return self.trouble(error)
        finally:
            mail.data.close()
        log.info("raw mail %d kept: %d bytes for %d recipients", mail_id, len(raw), len(arrival.bearers))
        return replies.OK_QUEUED

    async def _admit(self, address: str) -> Bearer | None:
        if receive.needs_look_up(self._keyring, address, self._domain):
            return await in_time(asyncio.to_thread(self._look_up, address))
        return receive.admit_known(self._keyring, address, self._domain)

    def _look_up(self, address: str) -> Bearer | None:
        with self._database.transaction() as session:
            return receive.admit(session, self._keyring, address, self._domain)


def _weight(arrival: Arrival) -> int:
    return 1 + len(arrival.raw) // BATCH_UNIT


def _clean(name: str | None) -> str:
    """A name that was told, as text that the database takes; aiosmtpd hands the null sender as "<>"."""
    told = (name or "").encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return told.replace("\x00", "")
