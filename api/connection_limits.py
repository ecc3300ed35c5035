"""Limits on HTTP connections: in total and per client host; connections without a request in progress give way."""

import asyncio
import logging
from collections.abc import Iterable
from typing import Protocol

from mailtalk.rate_limited_log import RateLimitedLog
from mailtalk.settings.load import Settings

CHECK = 0.25  # seconds between two checks of the deadlines

log = logging.getLogger(__name__)


class LimitedConnection(Protocol):
    """Connection that the limits can end."""

    @property
    def was_useful(self) -> bool:
        """True if a request was answered on it."""

    @property
    def gives_way(self) -> bool:
        """True if it may be closed for another: it has sent no complete request."""

    def give_way(self) -> None:
        """Close now."""

    def check(self, now: float) -> None:
        """Close if a deadline has passed."""


class ConnectionLimits:
    """Connections of a process by host, the most recently useful last."""

    def __init__(self, settings: Settings) -> None:
        self._most, self._most_per_host = settings.http_connections, settings.http_connections_per_host
        self._all: dict[LimitedConnection, str | None] = {}
        self._hosts: dict[str, dict[LimitedConnection, None]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._log = RateLimitedLog(log)

    def enter(self, connection: LimitedConnection, host: str | None) -> bool:
        """Add a connection; `host` is None for a proxy. False if there are too many, and none gives way."""
        same_host = self._hosts.get(host or "", {})
        if host and len(same_host) >= self._most_per_host and not self._make_room(same_host):
            self._log.warning("connections refused: %s has %d", host, len(same_host))
            return False
        if len(self._all) >= self._most and not self._make_room(self._all):
            self._log.warning("connections refused: there are %d", len(self._all))
            return False
        self._all[connection] = host
        if host:
            self._hosts.setdefault(host, {})[connection] = None
        self._start()
        return True

    def leave(self, connection: LimitedConnection) -> None:
        """Remove a closed connection."""
        host = self._all.pop(connection, None)
        if host is None:
            return
        self._hosts[host].pop(connection)
        if not self._hosts[host]:
            del self._hosts[host]

    def renew(self, connection: LimitedConnection) -> None:
        """Make a connection the last to give way: a request was answered on it."""
        if connection in self._all:
            host = self._all[connection] = self._all.pop(connection)
            if host:
                self._hosts[host][connection] = self._hosts[host].pop(connection)

    def _make_room(self, connections: Iterable[LimitedConnection]) -> bool:
        """Close the oldest connection that gives way, rather one on which no request was answered yet."""
        new = (connection for connection in connections if connection.gives_way and not connection.was_useful)
        idle = (connection for connection in connections if connection.gives_way)
        chosen = next(new, None) or next(idle, None)
        if chosen:
            self.leave(chosen)
            chosen.give_way()
        return chosen is not None

    def _start(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(CHECK, self._check)

    def _check(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        for connection in list(self._all):
            connection.check(now)
        if self._all:
            self._start()
