"""Rate limits by the minute: of apps (over all processes, by the broker) and of client hosts (of this process).

A check costs a look into a dictionary. Once a second the counts of apps are added to the broker's, which answers with
the sums of all processes; without the broker each process counts alone.
"""

import asyncio
import time
from collections import Counter
from contextlib import suppress
from typing import Literal

from redis.asyncio import Redis
from redis.exceptions import RedisError

from mailtalk.errors import TooMany
from mailtalk.settings.load import PREFIX, Settings

MINUTE = 60
SYNC = 1.0  # seconds
SLOW = 1.0  # seconds that the answer to a wrong credential takes once there were too many
SLOWED = 20  # answers to one host that are slow at the same time; further requests are refused unchecked
KEY = "mailtalk:rate:"

Kind = Literal["requests", "messages", "joins"]


class RateLimits:
    """Counts of the current minute."""

    def __init__(self, settings: Settings) -> None:
        self._limits = {
            "requests": settings.app_requests_per_minute,
            "messages": settings.app_messages_per_minute,
            "joins": settings.app_joins_per_minute,
        }
        self._host_limit = settings.host_requests_per_minute
        self._wrong_limit = settings.host_wrong_credentials_per_minute
        self._redis_url = settings.require("redis_url")
        self._minute = 0
        self._own: Counter[str] = Counter()  # not yet added to the broker's
        self._all: dict[str, int] = {}  # sums of all processes, when last heard
        self._hosts: Counter[str] = Counter()
        self._wrong: Counter[str] = Counter()
        self._slowed: Counter[str] = Counter()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start to share counts, if any app has a limit."""
        if any(self._limits.values()):
            self._task = asyncio.create_task(self._share())

    async def stop(self) -> None:
        """Stop."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def count(self, app_id: str, kind: Kind, amount: int = 1) -> None:
        """Count something that an app asks for. TooMany if its limit is reached."""
        limit = self._limits[kind]
        if not limit:
            return
        self._start_minute()
        key = f"{kind}:{app_id}"
        if self._own[key] + self._all.get(key, 0) >= limit:
            raise _too_many(f"APP_{kind.upper()}", limit)
        self._own[key] += amount

    def count_host(self, host: str) -> None:
        """Count a request of a host. TooMany if its limit is reached."""
        if not self._host_limit:
            return
        self._start_minute()
        if self._hosts[host] >= self._host_limit:
            raise _too_many("HOST_REQUESTS", self._host_limit)
        self._hosts[host] += 1

    def admit_credential(self, host: str) -> None:
        """Refuse to check a credential while many wrong ones of the host are being answered. TooMany."""
        if self._slowed[host] >= SLOWED:
            raise _too_many("HOST_WRONG_CREDENTIALS", self._wrong_limit)

    async def count_wrong_credential(self, host: str) -> None:
        """Count a wrong credential; above the limit, wait, and raise TooMany."""
        if not self._wrong_limit:
            return
        self._start_minute()
        self._wrong[host] += 1
        if self._wrong[host] <= self._wrong_limit:
            return
        self._slowed[host] += 1
        try:
            await asyncio.sleep(SLOW)
        finally:
            self._slowed[host] -= 1
            self._slowed += Counter()  # drops what is zero
        raise _too_many("HOST_WRONG_CREDENTIALS", self._wrong_limit)

    def _start_minute(self) -> None:
        minute = int(time.time()) // MINUTE
        if minute != self._minute:
            self._minute = minute
            for counts in (self._own, self._all, self._hosts, self._wrong):
                counts.clear()

    async def _share(self) -> None:
        while True:
            with suppress(RedisError, OSError):
                async with Redis.from_url(self._redis_url, socket_connect_timeout=1, socket_timeout=1) as redis:
                    while True:
                        await asyncio.sleep(SYNC)
                        await self._add(redis)
            await asyncio.sleep(SYNC)

    async def _add(self, redis: "Redis") -> None:
        """Add our counts of this minute to the broker's; those lost with a connection count for this process only."""
        self._start_minute()
        minute, keys = self._minute, [key for key, amount in self._own.items() if amount]
        if not keys:
            return
        amounts = [self._own[key] for key in keys]
        async with redis.pipeline(transaction=False) as pipeline:
            for key, amount in zip(keys, amounts, strict=True):
                pipeline.incrby(f"{KEY}{minute}:{key}", amount)
                pipeline.expire(f"{KEY}{minute}:{key}", 2 * MINUTE)
            sums = (await pipeline.execute())[::2]
        if self._minute == minute:
            for key, amount, total in zip(keys, amounts, sums, strict=True):
                self._own[key] -= amount
                self._all[key] = int(total)


def _too_many(name: str, limit: int) -> TooMany:
    seconds = MINUTE - int(time.time()) % MINUTE
    return TooMany([f"more than {limit} a minute ({PREFIX}{name}_PER_MINUTE); send it again later"], seconds)
