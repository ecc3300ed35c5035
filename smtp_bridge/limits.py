"""What all sessions of a process share: how many there are, of which hosts, and the memory their mails take."""

import asyncio
import logging
from collections import Counter
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Protocol, TypeAlias

from mailtalk.settings.load import Settings
from smtp_bridge import replies
from smtp_bridge.rate_limited_log import RateLimitedLog

Address: TypeAlias = IPv4Address | IPv6Address

IDLE = 300.0  # seconds between two commands; RFC 5321 4.5.3.2.7 asks for five minutes
IDLE_WHEN_FULL = 10.0  # as Postfix does under stress
FULL = 0.75  # of all sessions

log = logging.getLogger(__name__)


class LimitedSession(Protocol):
    """What a session must be able to do for us."""

    def wind_up(self, farewell: str) -> None:
        """End now, or after the mail that is being received."""

    def abort(self) -> None:
        """End without a word."""


class SessionLimits:
    """Counts sessions, hosts and bytes."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._sessions: dict[LimitedSession, str | None] = {}
        self._hosts: Counter[str | None] = Counter()
        self._taken = 0
        self._draining = False
        self._empty = asyncio.Event()
        self._log = RateLimitedLog(log)

    def enter(self, session: LimitedSession) -> str | None:
        """Count a session; gives the reply that turns it away when there are too many."""
        self._sessions[session] = None
        if self._draining:
            return replies.SHUTTING_DOWN
        if len(self._sessions) <= self._settings.smtp_sessions:
            return None
        self._log.warning("sessions were turned away: there are %d", self._settings.smtp_sessions)
        return replies.TOO_MANY_CONNECTIONS

    def enter_host(self, session: LimitedSession, address: Address | None) -> str | None:
        """Count it for its host, if that is known; gives the reply that turns it away when the host has too many."""
        if address is None:
            return None
        name = self._sessions[session] = host(address)
        self._hosts[name] += 1
        if self._hosts[name] <= self._settings.smtp_sessions_per_host:
            return None
        self._log.warning("sessions were turned away: %s has %d", name, self._settings.smtp_sessions_per_host)
        return replies.TOO_MANY_FROM_HOST

    def leave(self, session: LimitedSession) -> None:
        """Count it no more."""
        name = self._sessions.pop(session, None)
        self._hosts[name] -= 1
        if self._hosts[name] <= 0:
            del self._hosts[name]
        if self._draining and not self._sessions:
            self._empty.set()

    @property
    def patience(self) -> float:
        """How long a session may say nothing, in seconds: less when there is hardly room for others."""
        return IDLE_WHEN_FULL if len(self._sessions) > FULL * self._settings.smtp_sessions else IDLE

    def has_room(self, size: int) -> bool:
        """Whether so much memory is left."""
        return self._taken + size <= self._settings.smtp_in_flight_bytes

    def take(self, size: int) -> bool:
        """Take memory for a part of a mail; False when all of it is in use."""
        if not self.has_room(size):
            self._log.warning("mails were put off: those in flight take %d bytes", self._taken)
            return False
        self._taken += size
        return True

    def give_back(self, size: int) -> None:
        """The memory is free again."""
        self._taken -= size

    async def drain(self, seconds: float) -> None:
        """Let mails that are being received finish, send everybody else away; then end whoever is left."""
        self._draining = True
        for session in list(self._sessions):
            session.wind_up(replies.SHUTTING_DOWN)
        if self._sessions:
            await _wait(self._empty, seconds)
        for session in list(self._sessions):
            session.abort()


def memory(size: int) -> int:
    """What a mail takes that is received, sealed and kept: half as much again as it has bytes, as measured."""
    return size * 3 // 2


def host(address: Address) -> str:
    """What counts as one host: an IPv4 address, or the /64 that a host of IPv6 has to itself."""
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((address, 64), strict=False))


def address(text: str) -> Address:
    """A peer's address; IPv4 that came by an IPv6 socket is IPv4."""
    found = ip_address(text.partition("%")[0])
    return getattr(found, "ipv4_mapped", None) or found


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return
