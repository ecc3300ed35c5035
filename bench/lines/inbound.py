"""Inbound mail to message: a worker drains waiting mails, beside a Celery task a mail with parse and one commit."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from statistics import harmonic_mean

import psycopg
from sqlalchemy import text

from bench import mails, people
from bench.drain import Drain, drained
from bench.measure import Benchmark, Figure, Sides, Start, Values
from bench.servers import Servers, wait_for_worker
from mailtalk import clock, sealed_mail
from mailtalk.db.copy import copy
from mailtalk.db.database import Database
from mailtalk.inbound import receive
from mailtalk.participation import addresses
from mailtalk.participation.addresses import Bearer
from worker.bell import PROCESS_INBOUND

RAW = {"id": "bigint", "sealed": "bytea", "mail_from": "text", "received_at": "timestamptz"}
BEARER = {
    "purpose": "text",
    "app_id": "text",
    "conversation_id": "text",
    "user_id": "text",
    "participation_id": "uuid",
    "generation": "bigint",
}
INBOUND = {"raw_id": "bigint", **BEARER, "received_at": "timestamptz"}
TAKE_IDS = text("SELECT setval('raw_mails_id_seq', nextval('raw_mails_id_seq') + CAST(:count AS integer))")
WAITING = "SELECT count(*) FROM inbound_mails WHERE outcome = 'received'"
OTHERS = "SELECT count(*) FROM inbound_mails WHERE outcome NOT IN ('received', 'posted')"


@contextmanager
def worker(servers: Servers, participants: int) -> Iterator[Drain]:
    """Our worker, at a conversation with so many participants."""
    with servers.tables() as (url, database), servers.mailtalk("worker", url) as program:
        people.introduce(servers, database, conversations=1, each=participants)
        wait_for_worker(database)

        def fill(count: int) -> None:
            receive_mails(servers, database, participants, count)

        yield Drain(program, fill, lambda: number(database, WAITING), lambda: servers.ring(PROCESS_INBOUND, url))
        if others := number(database, OTHERS):
            raise AssertionError(f"{others} mails did not become messages")


def receive_mails(servers: Servers, database: Database, participants: int, count: int) -> None:
    """Have mails to the participants in turn wait, as the bridge stores them, but by COPY: they may be many."""
    if count <= 0:
        return
    recipients = people.inbound_addresses(servers, database, participants)
    with database.transaction() as session:
        bearers = [addresses.find(session, servers.keyring, to.partition("@")[0]) for to in recipients]
        last = int(session.scalar(TAKE_IDS, {"count": count}) or 0)
        ids, now = range(last - count + 1, last + 1), clock.now()
        raw = zip(ids, cycle(recipients), strict=False)
        copy(session, "raw_mails", RAW, ((id_, _sealed(servers, to), "u1@example.com", now) for id_, to in raw))
        each = ((id_, bearer) for id_, bearer in zip(ids, cycle(bearers), strict=False) if bearer)
        copy(session, "inbound_mails", INBOUND, ((id_, *_columns(bearer), now) for id_, bearer in each))


def _sealed(servers: Servers, to: str) -> bytes:
    return sealed_mail.seal(servers.keyring, mails.reply(1, to), receive.RAW_SEAL)


def _columns(bearer: Bearer) -> tuple[object, ...]:
    return tuple(getattr(bearer, name) for name in BEARER)


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


def beside_itself(name: str, backlog: int, few: int, count: int) -> Start:
    """Measure the first mails of a long queue, beside as many in queues of a few: a long queue is no slower."""

    @contextmanager
    def sides(servers: Servers) -> Iterator[Sides]:
        with worker(servers, 40) as long, worker(servers, 40) as short:
            size = servers.size(count)

            def ours() -> Values:
                return {name: drained(long, size, backlog=servers.size(backlog))}

            def peer() -> Values:
                rates = [drained(short, few) for _ in range(size // few)]
                return {name: harmonic_mean(rates)}

            yield Sides(ours, peer)

    return sides


CELERY = "a Celery task a mail, parse and one commit"
BENCHMARKS = (
    Benchmark(
        "inbound mails to messages, 40 participants, one worker",
        CELERY,
        [Figure("inbound-40", "/s", 3, short="parsers take 1 ms of a core a mail")],
        beside_celery("inbound-40", 40, 2_000),
        quick=True,
    ),
    Benchmark(
        "the same, one participant",
        CELERY,
        [Figure("inbound-1", "/s", 1)],
        beside_celery("inbound-1", 1, 2_000),
        quick=True,
    ),
    Benchmark(
        "the same, 100,000 mails waiting",
        "itself with 100 waiting",
        [Figure("inbound-backlog", "/s", 0.9)],
        beside_itself("inbound-backlog", 100_000, 100, 2_000),
    ),
)
