"""Limits of a process: its number of sessions, in total and per host, and the memory of mails in flight."""

import asyncio
import logging
from collections import Counter
from typing import Protocol

from mailtalk.hosts import Address, host
from mailtalk.rate_limited_log import RateLimitedLog
from mailtalk.settings.load import Settings
from smtp_bridge import replies

IDLE = 300.0  # seconds between two commands; RFC 5321 4.5.3.2.7 asks for five minutes
IDLE_WHEN_FULL = 10.0  # as Postfix does under stress
USELESS_AFTER = 10.0  # seconds without a delivered mail after which a session may be ended for a new one
KNOWN_HOSTS = 10_000
FULL = 0.75  # as a share of all sessions

log = logging.getLogger(__name__)


class LimitedSession(Protocol):
    """Session that the limits can end."""

    def wind_up(self, farewell: str) -> None:
        """End now, or after the mail that is being received."""

    def abort(self) -> None:
        """End without a reply."""

    @property
    def gives_way(self) -> bool:
        """True if it may be ended for another: it has delivered nothing for a while, and no mail is in progress."""


class SessionLimits:
    """Counter of sessions, hosts and bytes."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._sessions: dict[LimitedSession, str | None] = {}
        self._hosts: Counter[str | None] = Counter()
        self._known: dict[str, None] = {}  # hosts that delivered mail to participants, the most recent last
        self._taken = 0
        self._draining = False
        self._empty = asyncio.Event()
        self._log = RateLimitedLog(log)

    def enter(self, session: LimitedSession) -> str | None:
        """Count a new session; return the reply that refuses it if there are too many, else None."""
        self._sessions[session] = None
        if self._draining:
            return replies.SHUTTING_DOWN
        return self._make_room(self._settings.smtp_sessions)

    def enter_host(self, session: LimitedSession, address: Address | None) -> str | None:
        """Count a session for its host, if known; return the reply that refuses it if there are too many, else None."""
        if address is None:
            return None
        name = self._sessions[session] = host(address)
        self._hosts[name] += 1
        if self._hosts[name] > self._settings.smtp_sessions_per_host:
            self._log.warning("sessions refused: %s has %d", name, self._settings.smtp_sessions_per_host)
            return replies.TOO_MANY_FROM_HOST
        if name in self._known:
            return None
        reserved = self._settings.smtp_sessions * self._settings.smtp_reserved_percent // 100
        return self._make_room(self._settings.smtp_sessions - reserved)

    def remember(self, name: str) -> None:
        """Record a host that has delivered mail to a participant: some sessions are reserved for such hosts."""
        self._known.pop(name, None)
        self._known[name] = None
        if len(self._known) > KNOWN_HOSTS:
            del self._known[next(iter(self._known))]

    def _make_room(self, most: int) -> str | None:
        """Above `most` sessions, end the oldest that gives way, or return the reply that refuses the new one."""
        if len(self._sessions) <= most:
            return None
        idle = next((session for session in self._sessions if session.gives_way), None)
        if idle:
            idle.wind_up(replies.TOO_MANY_CONNECTIONS)
            return None
        self._log.warning("sessions refused: there are %d", len(self._sessions) - 1)
        return replies.TOO_MANY_CONNECTIONS

    def leave(self, session: LimitedSession) -> None:
        """Remove an ended session from the counts."""
        name = self._sessions.pop(session, None)
        self._hosts[name] -= 1
        if self._hosts[name] <= 0:
            del self._hosts[name]
        if self._draining and not self._sessions:
            self._empty.set()

    @property
    def patience(self) -> float:
        """Longest pause between two commands, in seconds; short if most sessions are in use."""
        return IDLE_WHEN_FULL if len(self._sessions) > FULL * self._settings.smtp_sessions else IDLE

    def has_room(self, size: int) -> bool:
        """True if `size` bytes of memory are free."""
        return self._taken + size <= self._settings.smtp_in_flight_bytes

    def take(self, size: int) -> bool:
        """Reserve memory for a part of a mail; False if it is used up."""
        if not self.has_room(size):
            self._log.warning("mails deferred: those in flight take %d bytes", self._taken)
            return False
        self._taken += size
        return True

    def give_back(self, size: int) -> None:
        """Release reserved memory."""
        self._taken -= size

    async def drain(self, seconds: float) -> None:
        """Shut down: let mails being received finish for `seconds`, end all other sessions at once."""
        self._draining = True
        for session in list(self._sessions):
            session.wind_up(replies.SHUTTING_DOWN)
        if self._sessions:
            await _wait(self._empty, seconds)
        for session in list(self._sessions):
            session.abort()


def memory(size: int) -> int:
    """Memory of a mail while it is received, sealed and stored: 1.5 times its size, as measured."""
    return size * 3 // 2


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return
