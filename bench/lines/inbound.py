"""Inbound mail to message: a worker drains waiting mails, beside a Celery task a mail with parse and one commit."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle, islice

import psycopg
from sqlalchemy import text

from bench import mails, people
from bench.drain import Drain, drained
from bench.measure import Benchmark, Figure, Sides, Start, Values
from bench.servers import Servers, wait_for_worker
from mailtalk import clock
from mailtalk.db.database import Database
from mailtalk.inbound import receive
from mailtalk.inbound.receive import Arrival
from mailtalk.participation import addresses
from worker.bell import PROCESS_INBOUND

BATCH = 1_000
WAITING = "SELECT count(*) FROM inbound_mails WHERE outcome = 'received'"
POSTED = "SELECT count(*) FROM inbound_mails WHERE outcome = 'posted'"


@contextmanager
def worker(servers: Servers, participants: int) -> Iterator[Drain]:
    """Our worker, at a conversation with so many participants."""
    with servers.tables() as (url, database), servers.mailtalk("worker", url) as program:
        people.introduce(servers, database, conversations=1, each=participants)
        wait_for_worker(database)

        def fill(count: int) -> None:
            receive_mails(servers, database, participants, count)

        yield Drain(program, fill, lambda: number(database, WAITING), lambda: servers.ring(PROCESS_INBOUND, url))
        if (lost := number(database, "SELECT count(*) FROM inbound_mails") - number(database, POSTED)) > 0:
            raise AssertionError(f"{lost} mails did not become messages")


def receive_mails(servers: Servers, database: Database, participants: int, count: int) -> None:
    """Store mails as the bridge does, to the participants in turn."""
    recipients = people.inbound_addresses(servers, database, participants)
    for start in range(0, count, BATCH):
        with database.transaction() as session:
            bearers = [addresses.find(session, servers.keyring, to.partition("@")[0]) for to in recipients]
            pairs = zip(recipients, bearers, strict=True)
            turns = islice(cycle(pairs), min(BATCH, count - start))
            arrivals = [
                Arrival("u1@example.com", [bearer], mails.reply(1, to), clock.now()) for to, bearer in turns if bearer
            ]
            receive.receive(session, servers.keyring, arrivals)


def number(database: Database, query: str) -> int:
    """Ask for one number."""
    with database.transaction() as session:
        return int(session.scalar(text(query)) or 0)


@contextmanager
def celery(servers: Servers, participants: int) -> Iterator[Drain]:
    """A Celery program: a task a mail."""
    environment = {"DATABASE": servers.new_database(), "BROKER": servers.broker(1)}
    script = ["inbound_celery.py", str(participants)]
    servers.run_peer(*script, "0", **environment)
    with (
        servers.peer("-m", "celery", "-A", "inbound_celery", "worker", "--loglevel=ERROR", **environment) as program,
        psycopg.connect(environment["DATABASE"], autocommit=True) as connection,
    ):
        expected = 0

        def fill(count: int) -> None:
            nonlocal expected
            expected += count
            servers.run_peer(*script, str(count), **environment)

        def waiting() -> int:
            row = connection.execute("SELECT count(*) FROM messages").fetchone()
            return expected - (row[0] if row else 0)

        yield Drain(program, fill, waiting)


def beside_celery(name: str, participants: int, count: int) -> Start:
    """Measure mails a second of both."""

    @contextmanager
    def sides(servers: Servers) -> Iterator[Sides]:
        with worker(servers, participants) as ours, celery(servers, participants) as peer:

            def rate(drain: Drain) -> Callable[[], Values]:
                return lambda: {name: drained(drain, servers.size(count))}

            yield Sides(rate(ours), rate(peer))

    return sides


def beside_itself(name: str, backlog: int, count: int) -> Start:
    """Measure the first mails of a long queue, beside a queue of these alone."""

    @contextmanager
    def sides(servers: Servers) -> Iterator[Sides]:
        with worker(servers, 40) as long, worker(servers, 40) as short:

            def ours() -> Values:
                size = servers.size(count)
                return {name: drained(long, size, backlog=servers.size(backlog))}

            yield Sides(ours, lambda: {name: drained(short, servers.size(count))})

    return sides


CELERY = "a Celery task a mail, parse and one commit"
BENCHMARKS = (
    Benchmark(
        "inbound mails to messages, 40 participants, one worker",
        CELERY,
        [Figure("inbound-40", "/s", 3)],
        beside_celery("inbound-40", 40, 2_000),
        quick=True,
    ),
    Benchmark(
        "the same, one participant", CELERY, [Figure("inbound-1", "/s", 1)], beside_celery("inbound-1", 1, 2_000)
    ),
    Benchmark(
        "the same, 100,000 mails waiting",
        "itself with 2,000 waiting",
        [Figure("inbound-backlog", "/s", 0.9)],
        beside_itself("inbound-backlog", 100_000, 2_000),
    ),
)
