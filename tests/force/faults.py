"""Faults of all that the product is made of and stands on: processes, broker, PostgreSQL and its disk, by a seed."""

import os
import random
import shutil
import signal
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psycopg
import redis
from stacks import ForkedStack

from cli.local.embedded import Postgres, Valkey
from worker.app import QUEUE

FOREIGN, FROZEN, FULL = 2_900, 1.5, 2.0  # tasks; seconds
SHARE = 0.85  # of kills among all faults


class Faults:
    """`one` makes one fault and ends it again; `counts` says how many there were of each."""

    def __init__(
        self, stack: ForkedStack, postgres: Postgres, valkey: Valkey, rng: random.Random, disk: Path | None
    ) -> None:
        self._stack, self._postgres, self._valkey, self._rng, self._disk = stack, postgres, valkey, rng, disk
        self.counts: Counter[str] = Counter()
        self._others: list[Callable[[], None]] = [
            self.broker_flushed,
            self.broker_frozen,
            self.broker_filled,
            self.broker_fed,
            self.broker_killed,
            self.database_restarted,
            self.backends_killed,
        ]
        if disk:
            self._others.append(self.disk_full)

    @property
    def kills(self) -> int:
        """Processes that were killed, of ours or beside us."""
        return sum(self.counts[name] for name in ("process_killed", "broker_killed", "database_restarted"))

    def one(self) -> None:
        """Make a fault."""
        fault = self.process_killed if self._rng.random() < SHARE else self._rng.choice(self._others)
        fault()
        self.counts[fault.__name__] += 1

    def process_killed(self) -> None:
        """SIGKILL at whatever instruction."""
        self._stack.kill(self._rng.choice(self._stack.roles))

    def broker_flushed(self) -> None:
        """Every task is gone."""
        with self._broker() as broker, suppress(redis.RedisError):
            broker.flushall()

    def broker_frozen(self) -> None:
        """It takes connections, and answers nothing."""
        process = self._valkey.program.process
        assert process
        process.send_signal(signal.SIGSTOP)
        threading.Event().wait(FROZEN)
        process.send_signal(signal.SIGCONT)

    def broker_filled(self) -> None:
        """It refuses every write."""
        with self._broker() as broker, suppress(redis.RedisError):
            broker.config_set("maxmemory", "1")
            threading.Event().wait(FROZEN)
            broker.config_set("maxmemory", "0")

    def broker_fed(self) -> None:
        """Tasks that are none of ours, before ours."""
        task = '{"body": "W1tdLCB7fSwge31d", "content-encoding": "utf-8", "content-type": "application/json", '
        task += '"headers": {"task": "foreign", "id": "1", "lang": "py"}, "properties": {"delivery_tag": "1", '
        task += '"delivery_info": {"exchange": "", "routing_key": "mailtalk"}, "body_encoding": "base64"}}'
        with self._broker() as broker, suppress(redis.RedisError):
            broker.rpush(f"mailtalk:{QUEUE}", *[task] * FOREIGN)

    def broker_killed(self) -> None:
        """It comes back empty."""
        assert self._valkey.program.process
        self._valkey.program.process.kill()
        self._valkey.program.process.wait()
        self._valkey.start()

    def database_restarted(self) -> None:
        """An immediate stop, as a crash: it recovers at the start."""
        process = self._postgres.program.process
        assert process
        process.send_signal(signal.SIGQUIT)
        process.wait()
        self._postgres.start()

    def backends_killed(self) -> None:
        """Every session ends."""
        with suppress(psycopg.Error), psycopg.connect(self._postgres.url, autocommit=True) as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_user")

    def disk_full(self) -> None:
        """No byte is left where the database writes; it may end by that."""
        assert self._disk
        ballast = self._disk / "ballast"
        with suppress(OSError), ballast.open("wb") as file:
            while True:
                size = file.seek(0, os.SEEK_END)
                os.posix_fallocate(file.fileno(), size, max(shutil.disk_usage(self._disk).free, 1))
        threading.Event().wait(FULL)
        ballast.unlink()
        process = self._postgres.program.process
        if process and process.poll() is not None:
            self._postgres.start()

    def _broker(self) -> redis.Redis:
        return redis.Redis.from_url(self._valkey.url, socket_timeout=5)
