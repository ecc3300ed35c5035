"""SMTP relays with kept connections, on one event loop, in order of preference.

`before_dot` must return True before DATA is completed, so that a mail that was sent is always recorded as `sending`.
"""

import asyncio
import logging
import re
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from urllib.parse import urlsplit

from mailtalk.mail import address
from mailtalk.outbound import smtp_replies
from mailtalk.outbound.circuit_breaker import CircuitBreaker, CircuitState, RelayStatus
from mailtalk.outbound.connection_limit import ConnectionLimit
from mailtalk.outbound.smtp_connection import SmtpConnection, SmtpEnvelope, Timeouts
from mailtalk.outbound.smtp_protocol import SessionRefused
from mailtalk.outbound.smtp_replies import CLOSING, STAGES, Meaning, SendResult, SmtpReply
from mailtalk.vocabulary import Stage

CONNECTIONS = 8
MAILS_PER_CONNECTION = 100
CONNECTION_AGE = 300.0  # seconds
IDLE = 5.0  # seconds; some relays close an idle connection after ten, even during the next mail
CLEAN = re.compile(r"[^\s<>\x00-\x1f\x7f-\U0010ffff]{1,64}@[A-Za-z0-9.\[\]:-]{1,253}")
BeforeDot = Callable[[], Awaitable[bool]]

log = logging.getLogger(__name__)


class _Stale(Exception):
    """The relay has closed a kept connection; a new one may work at once."""


class Relays:
    """The relays of `MAILTALK_RELAY_URL`, in order of preference; one in trouble is not used for a while."""

    def __init__(
        self,
        urls: str,
        timeouts: Timeouts = Timeouts(),  # noqa: B008  immutable
        connections: int = CONNECTIONS,
    ) -> None:
        self._relays = [_Relay(url.strip(), timeouts, connections) for url in urls.split(",")]

    async def send(self, envelope: SmtpEnvelope, mail: bytes, before_dot: BeforeDot) -> SendResult | None:
        """Send a mail; None if `before_dot` returned False and the connection was closed before the final dot."""
        if not CLEAN.fullmatch(envelope.to):
            return SendResult(Stage.FAILED, note="the address cannot be sent to")
        result: SendResult | None = SendResult(Stage.QUEUED, note="no relay is in use after their failures")
        for relay in self._relays:
            ticket = relay.breaker.enter()
            if ticket is not None:
                result = await relay.send(ticket, envelope, mail, before_dot)
                if result is None:
                    return None
                result = result._replace(relay=relay.name)
                if not result.elsewhere:
                    break
        return result

    def room(self, most: int) -> int:
        """Number of mails to claim: `most` with a closed circuit, 1 for a probe, 0 with all circuits open."""
        states = {relay.breaker.state for relay in self._relays}
        return most if CircuitState.CLOSED in states else int(CircuitState.HALF_OPEN in states)

    def status(self) -> list[RelayStatus]:
        """State of each relay, in order of preference."""
        return [relay.status for relay in self._relays]

    async def tidy(self) -> None:
        """Close connections that are worn out or have been idle for a while."""
        for relay in self._relays:
            await relay.close_idle(only_worn=True)

    async def close(self) -> None:
        """Close all idle connections."""
        for relay in self._relays:
            await relay.close_idle(only_worn=False)


class _Relay:
    """One relay: its idle connections, their limit, and its circuit breaker."""

    def __init__(self, url: str, timeouts: Timeouts, connections: int) -> None:
        self._url, self._timeouts = urlsplit(url), timeouts
        self.name = self._url.netloc.rpartition("@")[2]  # without credentials
        self._idle: deque[SmtpConnection] = deque()
        self._limit = ConnectionLimit(connections)
        self.breaker = CircuitBreaker()
        self._trouble: str | None = None

    @property
    def status(self) -> RelayStatus:
        """Its name, and the state of its circuit."""
        return RelayStatus(self.name, self.breaker.state, self.breaker.pause, self._trouble)

    async def send(self, ticket: int, envelope: SmtpEnvelope, mail: bytes, before_dot: BeforeDot) -> SendResult | None:
        """Send over a kept connection, or over a new one if there is none or the relay closed it."""
        while True:
            async with self._limit:
                if self.breaker.has_failed_since(ticket):
                    return SendResult(Stage.QUEUED, note="the relay is not used for a while", elsewhere=True)
                kept = await self._kept()
                with suppress(_Stale):
                    if kept is not None:
                        return await self._attempt(kept, ticket, envelope, mail, before_dot)
                try:
                    connection = await SmtpConnection.open(self._url, self._timeouts)
                except (OSError, ValueError) as error:  # ValueError: a host name or a reply that cannot be decoded
                    if not self._has_too_many(error):
                        return self._paused(ticket, note=f"the relay cannot be reached: {_said(error)}")
                else:
                    return await self._attempt(connection, ticket, envelope, mail, before_dot)

    async def close_idle(self, *, only_worn: bool) -> None:
        """Say QUIT on idle connections."""
        ending = [connection for connection in self._idle if not only_worn or _is_worn(connection)]
        for connection in ending:
            self._idle.remove(connection)
        await asyncio.gather(*(connection.quit() for connection in ending))

    async def _attempt(
        self, connection: SmtpConnection, ticket: int, envelope: SmtpEnvelope, mail: bytes, before_dot: BeforeDot
    ) -> SendResult | None:
        """Send MAIL, RCPT and DATA; call `before_dot`; then send the mail and its final dot."""
        used = connection.mails > 0
        try:
            reply = await connection.introduce(envelope)
            if reply is None:
                used = False  # the relay waits for the mail: the connection was not stale
                if not await before_dot():
                    connection.close()
                    self.breaker.close(ticket)
                    return None
                connection.require_open()
        except OSError as error:
            connection.close()
            return self._broken(connection, ticket, error, used=used)
        except BaseException:
            connection.close()
            raise
        try:
            reply = reply or await connection.dot(mail)
        except OSError as error:
            connection.close()
            self.breaker.suspect(ticket)
            return SendResult(Stage.UNKNOWN, note=f"the connection broke after the dot: {_said(error)}")
        return await self._judged(connection, ticket, reply, used=used)

    def _broken(self, connection: SmtpConnection, ticket: int, error: OSError, *, used: bool) -> SendResult:
        """Result of a broken connection; nothing was sent. After RCPT or DATA, the mail may be the cause: deferred."""
        if used and not isinstance(error, TimeoutError):
            raise _Stale
        note = f"the connection broke at {connection.waiting}: {_said(error)}"
        if connection.waiting == "MAIL":
            return self._paused(ticket, note=note)
        self.breaker.suspect(ticket)
        return SendResult(Stage.DEFERRED, note=note)

    async def _judged(self, connection: SmtpConnection, ticket: int, reply: SmtpReply, *, used: bool) -> SendResult:
        meaning = smtp_replies.meaning(reply, used=used)
        if meaning in {Meaning.LATER, Meaning.REFUSED}:
            await connection.reset()
        self._keep(connection, fit=connection.fit and meaning in {Meaning.ACCEPTED, Meaning.LATER, Meaning.REFUSED})
        if meaning is Meaning.STALE:
            raise _Stale
        if meaning is Meaning.PAUSE:
            # From RCPT on the mail may be the cause; then it must not be first again after each pause.
            stage = Stage.DEFERRED if reply.code == CLOSING and reply.verb != "MAIL" else Stage.QUEUED
            return self._paused(ticket, stage, reply)
        if self.breaker.close(ticket):
            self._trouble = None
            log.warning("the relay %s accepts mails again", self._url.hostname)
        if meaning is Meaning.NONSENSE and reply.verb == ".":
            return SendResult(Stage.UNKNOWN, reply)
        return SendResult(STAGES[meaning], reply)

    def _paused(
        self, ticket: int, stage: Stage = Stage.QUEUED, reply: SmtpReply | None = None, note: str = ""
    ) -> SendResult:
        result = SendResult(stage, reply, note, elsewhere=True)
        if self.breaker.trip(ticket):
            self._trouble = address.hidden(result.text)
            log.warning("the relay %s is not used for a while: %s", self._url.hostname, self._trouble)
        return result

    def _has_too_many(self, error: Exception) -> bool:
        """True if the relay refused a session while others continue: then a lower limit will do."""
        too_many = isinstance(error, SessionRefused) and error.code == CLOSING and self._limit.lower()
        if too_many:
            log.warning("the relay %s gets fewer connections for a while: %s", self._url.hostname, error)
        return too_many

    async def _kept(self) -> SmtpConnection | None:
        while self._idle:
            connection = self._idle.pop()
            if not _is_worn(connection):
                return connection
            await connection.quit()
        return None

    def _keep(self, connection: SmtpConnection, *, fit: bool) -> None:
        if fit:
            self._idle.append(connection)
        else:
            connection.close()


def _is_worn(connection: SmtpConnection) -> bool:
    now = time.monotonic()
    return (
        connection.mails >= MAILS_PER_CONNECTION
        or now - connection.born > CONNECTION_AGE
        or now - connection.used > IDLE
    )


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
