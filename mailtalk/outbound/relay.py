"""The relays: mails go out over kept connections; nothing is after the final dot that was not said before it."""

import logging
import re
import smtplib
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import urlsplit

from mailtalk.mail import address
from mailtalk.outbound import smtp_replies
from mailtalk.outbound.circuit_breaker import Breaker
from mailtalk.outbound.smtp_connection import Envelope, Line, Timeouts
from mailtalk.outbound.smtp_replies import Answer, Fate
from mailtalk.vocabulary import Stage

MAILS_PER_CONNECTION = 100
CONNECTION_AGE = 300.0  # seconds
IDLE = 5.0  # seconds; some relays end an idle connection after ten, in the middle of the next mail
CLOSING = 421
CLEAN = re.compile(r"[^\s<>\x00-\x1f\x7f-\U0010ffff]{1,64}@[A-Za-z0-9.\[\]:-]{1,253}")
TROUBLE = (OSError, smtplib.SMTPException)
STAGES = {
    Fate.GOOD: Stage.SENT,
    Fate.LATER: Stage.DEFERRED,
    Fate.REFUSED: Stage.FAILED,
    Fate.NONSENSE: Stage.DEFERRED,
}

log = logging.getLogger(__name__)


class Sent(NamedTuple):
    """How a sending went: the stage it leads to, what the relay said, and whether another one may take the mail."""

    stage: Stage
    reply: str
    elsewhere: bool = False


class _Stale(Exception):
    """The relay had given up a kept connection; a new one may do at once."""


class Relay:
    """Several relays, in order of preference: one in trouble is left alone for a while; used by several threads."""

    def __init__(self, urls: str, timeouts: Timeouts = Timeouts()) -> None:  # noqa: B008  immutable
        self._peers = [_Peer(url.strip(), timeouts) for url in urls.split(",")]

    def send(self, envelope: Envelope, mail: bytes, before_dot: Callable[[], bool]) -> Sent | None:
        """Send a mail; None when `before_dot` said no and the connection was dropped before the final dot."""
        if not CLEAN.fullmatch(envelope.to):
            return Sent(Stage.FAILED, "the address cannot be sent to")
        sent: Sent | None = Sent(Stage.QUEUED, "every relay is left alone for a while")
        for peer in self._peers:
            ticket = peer.breaker.enter()
            if ticket is not None:
                sent = peer.send(ticket, envelope, mail, before_dot)
                if sent is None or not sent.elsewhere:
                    break
        return sent

    def room(self, most: int) -> int:
        """How many mails may be taken in hand: none while all relays are left alone, one when one is to be tried."""
        rooms = [peer.breaker.room() for peer in self._peers]
        return most if True in rooms else int(None in rooms)

    def tidy(self) -> None:
        """Say goodbye on connections that nobody needed for a while."""
        for peer in self._peers:
            peer.close(only_worn=True)

    def close(self) -> None:
        """Say goodbye on every idle connection."""
        for peer in self._peers:
            peer.close(only_worn=False)


class _Peer:
    """One relay: its idle connections and its breaker."""

    def __init__(self, url: str, timeouts: Timeouts) -> None:
        self._url, self._timeouts = urlsplit(url), timeouts
        self._idle: deque[Line] = deque()
        self._lock = threading.Lock()
        self.breaker = Breaker()

    def send(self, ticket: int, envelope: Envelope, mail: bytes, before_dot: Callable[[], bool]) -> Sent | None:
        """Send over a kept connection, or over a new one when there is none or the relay gave it up."""
        kept = self._kept()
        with suppress(_Stale):
            if kept is not None:
                return self._over(kept, ticket, envelope, mail, before_dot)
        try:
            line = Line(self._url, self._timeouts)
        except TROUBLE as error:
            return self._paused(ticket, f"the relay cannot be reached: {_said(error)}")
        return self._over(line, ticket, envelope, mail, before_dot)

    def close(self, *, only_worn: bool) -> None:
        """Say goodbye on idle connections."""
        with self._lock:
            ending = [line for line in self._idle if not only_worn or _worn(line)]
            for line in ending:
                self._idle.remove(line)
        for line in ending:
            line.close(politely=True)

    def _over(
        self, line: Line, ticket: int, envelope: Envelope, mail: bytes, before_dot: Callable[[], bool]
    ) -> Sent | None:
        used = line.mails > 0
        try:
            answer = line.introduce(envelope)
            if answer is None and not before_dot():
                line.close(politely=False)
                self.breaker.mend(ticket)  # it was ready for the mail
                return None
        except TROUBLE as error:
            line.close(politely=False)
            return self._broken(line, ticket, error, used=used)
        except BaseException:
            line.close(politely=False)
            raise
        try:
            answer = answer or line.dot(mail)
        except TROUBLE as error:
            line.close(politely=False)
            self.breaker.doubt(ticket)
            return Sent(Stage.UNKNOWN, f"the connection broke after the dot: {_said(error)}")
        return self._judged(line, ticket, answer, used=used)

    def _broken(self, line: Line, ticket: int, error: Exception, *, used: bool) -> Sent:
        """Before the dot: nothing was sent. At RCPT or DATA it may be for this mail, which then must not come soon."""
        hung = isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError)
        if used and not hung:
            raise _Stale
        said = f"the connection broke at {line.waiting}: {_said(error)}"
        if line.waiting == "MAIL":
            return self._paused(ticket, said)
        self.breaker.doubt(ticket)
        return Sent(Stage.DEFERRED, said)

    def _judged(self, line: Line, ticket: int, answer: Answer, *, used: bool) -> Sent:
        fate = smtp_replies.fate(answer, used=used)
        if fate in {Fate.LATER, Fate.REFUSED}:
            line.reset()
        self._keep(line, fit=line.fit and fate in {Fate.GOOD, Fate.LATER, Fate.REFUSED})
        if fate is Fate.STALE:
            raise _Stale
        if fate is Fate.PAUSE:
            # From RCPT on it may be about this mail, which then must not come first after each pause.
            stage = Stage.DEFERRED if answer.code == CLOSING and answer.verb != "MAIL" else Stage.QUEUED
            return self._paused(ticket, str(answer), stage)
        if self.breaker.mend(ticket):
            log.warning("the relay %s takes mails again", self._url.hostname)
        if fate is Fate.NONSENSE and answer.verb == ".":
            return Sent(Stage.UNKNOWN, str(answer))
        return Sent(STAGES[fate], str(answer))

    def _paused(self, ticket: int, said: str, stage: Stage = Stage.QUEUED) -> Sent:
        if self.breaker.trip(ticket):
            log.warning("the relay %s is left alone for a while: %s", self._url.hostname, address.hidden(said))
        return Sent(stage, said, elsewhere=True)

    def _kept(self) -> Line | None:
        while True:
            with self._lock:
                line = self._idle.pop() if self._idle else None
            if line is None or not _worn(line):
                return line
            line.close(politely=True)

    def _keep(self, line: Line, *, fit: bool) -> None:
        if not fit:
            line.close(politely=False)
            return
        with self._lock:
            self._idle.append(line)


def _worn(line: Line) -> bool:
    now = time.monotonic()
    return line.mails >= MAILS_PER_CONNECTION or now - line.born > CONNECTION_AGE or now - line.used > IDLE


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
