"""Changes of participation: 64 HTTP clients, one change a request or 1,000, until all are applied."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice

import psycopg

from bench import people
from bench.http_load import Served, request, send
from bench.measure import Benchmark, Figure, Sides, Start
from bench.servers import Servers, free_port, wait_for_port, wait_for_worker, wait_until

CLIENTS = 64
EACH = 20  # participants of a client's conversation
BULK = 1_000
PEER = "changes_fastapi"
PATIENCE = 300.0
APPLIED = """
SELECT count(*), coalesce(extract(epoch FROM max(applied_at) - min(requested_at)), 0),
    coalesce(1000 * percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM applied_at - requested_at)), 0)
FROM changes WHERE id > %s AND applied_at IS NOT NULL"""


@dataclass
class Changes:
    """Changes that always change something: notify is turned on and off."""

    prefix: str = ""
    secret: str = ""
    _round: int = field(default=0)

    def clients(self, count: int) -> list[Iterator[bytes]]:
        """The requests of all clients for so many changes."""
        self._round += 1
        return [islice(self._requests(client), count // CLIENTS) for client in range(1, CLIENTS + 1)]

    def bulk(self, count: int) -> list[Iterator[bytes]]:
        """The same in requests of 1,000 actions, by two clients."""
        self._round += 1
        return [
            iter([self._actions(number) for number in range(count // BULK) if number % 2 == half]) for half in (0, 1)
        ]

    def _requests(self, client: int) -> Iterator[bytes]:
        number = 0
        while True:
            user = (client - 1) * EACH + number % EACH + 1
            body = b'{"notify": %s}' % (b"true" if (number // EACH + self._round) % 2 else b"false")
            path = f"{self.prefix}/conversations/c{client}/participants/u{user}"
            yield request("PUT", path, body, self.secret)
            number += 1

    def _actions(self, number: int) -> bytes:
        client = number % CLIENTS + 1
        users = [f"u{(client - 1) * EACH + n % EACH + 1}" for n in range(BULK)]
        actions = [
            {"id": n, "method": "PUT", "params": {"userId": user, "notify": bool((n // EACH + self._round) % 2)}}
            for n, user in enumerate(users)
        ]
        path = f"{self.prefix}/conversations/c{client}/participants"
        return request("POST", path, json.dumps({"actions": actions}).encode(), self.secret)


@contextmanager
def _ours(servers: Servers) -> Iterator[tuple[int, Changes]]:
    """Our API and a worker."""
    port = free_port()
    with (
        servers.tables() as (url, database),
        servers.mailtalk("worker", url),
        servers.mailtalk("api", url, api_port=port, wait_seconds=60),
    ):
        secret = people.introduce(servers, database, conversations=CLIENTS, each=EACH)
        wait_for_worker(database)
        wait_for_port(port)
        yield port, Changes(f"/v1/{people.APP}", secret)


@contextmanager
def _peer(servers: Servers) -> Iterator[Callable[[int], tuple[float, float]]]:
    """The FastAPI program; each round gives changes a second, and the median latency in milliseconds."""
    port, changes = free_port(), Changes()
    environment = {"DATABASE": servers.new_database(), "BROKER": servers.broker(3)}
    servers.run_peer(f"{PEER}.py", **environment)
    serve = ["-m", "uvicorn", f"{PEER}:api", "--port", str(port), "--log-level", "warning"]
    with (
        servers.peer("-m", "celery", "-A", PEER, "worker", "--loglevel=ERROR", **environment),
        servers.peer(*serve, **environment),
        psycopg.connect(environment["DATABASE"], autocommit=True) as connection,
    ):
        wait_for_port(port)
        last = 0

        def measure(count: int) -> tuple[float, float]:
            nonlocal last
            send(port, changes.clients(count), 202)
            sent = count // CLIENTS * CLIENTS
            wait_until(lambda: _applied(connection, last)[0] >= sent, "not all changes are applied", PATIENCE, 0.1)
            _, seconds, median = _applied(connection, last)
            last += sent
            return sent / float(seconds), float(median)

        yield measure


def _applied(connection: psycopg.Connection, after: int) -> tuple[int, float, float]:
    row: tuple[int, float, float] | None = connection.execute(APPLIED, [after]).fetchone()
    return row or (0, 0, 0)


def one_by_one(ours_count: int, peer_count: int) -> Start:
    """A change a request."""

    @contextmanager
    def sides(servers: Servers) -> Iterator[Sides]:
        with _ours(servers) as (port, changes), _peer(servers) as measure:

            def ours() -> dict[str, float]:
                served: Served = send(port, changes.clients(servers.size(ours_count)), 200)
                return {"changes": len(served.latencies) / served.seconds, "changes-p50": served.percentile(0.5)}

            def peer() -> dict[str, float]:
                rate, median = measure(servers.size(peer_count))
                return {"changes": rate, "changes-p50": median}

            yield Sides(ours, peer)

    return sides


def in_bulk(ours_count: int, peer_count: int) -> Start:
    """1,000 changes a request."""

    @contextmanager
    def sides(servers: Servers) -> Iterator[Sides]:
        with _ours(servers) as (port, changes), _peer(servers) as measure:

            def ours() -> dict[str, float]:
                count = max(2, servers.size(ours_count) // BULK) * BULK
                return {"changes-bulk": count / send(port, changes.bulk(count), 200).seconds}

            yield Sides(ours, lambda: {"changes-bulk": measure(servers.size(peer_count))[0]})

    return sides


PROGRAM = "FastAPI, SQLAlchemy and a Celery task with an upsert a change"
BENCHMARKS = (
    Benchmark(
        "changes of participation applied, 64 HTTP clients",
        PROGRAM,
        [
            Figure("changes", "/s", 10, short="HTTP takes 0.55 ms of a core a change"),
            Figure("changes-p50", "ms", 0.25, "less"),
        ],
        one_by_one(10_000, 1_280),
    ),
    Benchmark(
        "the same, 1,000 changes a request",
        PROGRAM,
        [Figure("changes-bulk", "/s", 40)],
        in_bulk(40_000, 1_280),
        quick=True,
    ),
)
