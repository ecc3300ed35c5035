"""The bridge's handler: admits recipients, keeps mail before saying yes. Nothing is parsed here."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from mailtalk import clock, inbound
from mailtalk.addresses import Bearer
from mailtalk.db import Database
from mailtalk.errors import Unavailable
from mailtalk.group_commit import GroupCommit, in_time
from mailtalk.inbound import Arrival
from mailtalk.keys import Keyring
from smtp_bridge import replies

RECIPIENTS = 100

log = logging.getLogger(__name__)


class Bridge(SMTP):
    """aiosmtpd's protocol, but long lines of real mail are taken and our trouble is a 451."""

    line_length_limit = 64 * 1024


class Handler:
    """aiosmtpd's hooks: each answers with a line of `replies`."""

    def __init__(self, database: Database, keyring: Keyring, domain: str, bell: Callable[[], None]) -> None:
        self._database, self._keyring, self._domain = database, keyring, domain
        self._intake = GroupCommit[Arrival, int](
            database, lambda session, arrivals: inbound.receive(session, keyring, arrivals), bell
        )

    async def handle_RCPT(  # noqa: N802  aiosmtpd's name and parameters
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """250 for an address of ours, 550 for any other, 451 when we cannot tell."""
        if len(envelope.rcpt_tos) >= RECIPIENTS:
            return replies.TOO_MANY_RECIPIENTS
        bearer = await self._admit(address)
        if bearer is None:
            return replies.NO_MAILBOX
        envelope.rcpt_tos.append(address)
        bearers(envelope).append(bearer)
        return replies.OK_RECIPIENT

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep the raw mail, then 250. The commit goes on when the client leaves in the middle of it."""
        raw = envelope.original_content or b""
        arrival = Arrival(_clean(envelope.mail_from), tuple(bearers(envelope)), raw, clock.now())
        try:
            mail_id = await self._intake.put(arrival)
        except Unavailable as error:
            log.warning("a mail could not be kept: %s", error)
            return replies.TROUBLE
        log.info("mail %d kept: %d bytes for %d recipients", mail_id, len(raw), len(arrival.bearers))
        return replies.OK_KEPT

    async def handle_exception(self, error: Exception) -> str:
        """Whatever went wrong is ours: never its text, never a 5xx."""
        if isinstance(error, Unavailable):
            log.warning("a recipient could not be looked up: %s", error)
        else:
            log.error("an SMTP session failed: %s", type(error).__name__, exc_info=error)
        return replies.TROUBLE

    async def close(self) -> None:
        """Wait for the commits under way."""
        await self._intake.close()

    async def _admit(self, address: str) -> Bearer | None:
        if inbound.needs_look_up(self._keyring, address, self._domain):
            return await in_time(asyncio.to_thread(self._look_up, address))
        return inbound.admit_known(self._keyring, address, self._domain)

    def _look_up(self, address: str) -> Bearer | None:
        with self._database.transaction() as session:
            return inbound.admit(session, self._keyring, address, self._domain)


def bearers(envelope: Any) -> list[Bearer]:
    """The admitted recipients of this envelope, in the order of its RCPTs; RSET makes a new envelope."""
    found: list[Bearer] = envelope.__dict__.setdefault("bearers", [])
    return found


def _clean(mail_from: str | None) -> str:
    """The envelope sender as text that the database takes; aiosmtpd hands the null sender as "<>"."""
    sender = (mail_from or "").encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return sender.replace("\x00", "").removeprefix("<>")
