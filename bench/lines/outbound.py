"""Mails going out: one message to 10,000 participants, and messages in 1,000 conversations of five."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil
import psycopg

from bench import people
from bench.drain import Drain, drained, family
from bench.measure import Benchmark, Figure, Sides, Start, Values
from bench.servers import Servers, wait_for_worker
from bench.sink import relay
from worker.bell import DELIVER

AT_ONCE = {"quiet_seconds": 0, "cap_seconds": 0}
PEER = "fanout_celery.py"
MADE = "SELECT count(*) FROM deliveries WHERE stage IN ('sent', 'captured')"


@dataclass
class Peak:
    """The largest resident memory of any of a program's processes, in MB."""

    value: float = 0

    def look(self, processes: list[psutil.Process]) -> None:
        """Measure now."""
        self.value = max(self.value, *(process.memory_info().rss / 1e6 for process in processes))


def fan_out(name: str, people_count: int, round_trip: float = 0, concurrency: int = 0) -> Start:
    """One message to many, sent to a relay so many seconds of round trip away."""

    @contextmanager
    def sides(servers: Servers) -> Iterator[Sides]:
        count = servers.size(people_count)
        peak = Peak()
        with (
            relay(servers, round_trip) as port,
            _ours(servers, port, (1, count), peak) as ours,
            _celery(servers, port, (1, count), concurrency) as peer,
        ):

            def measure_ours() -> Values:
                return {name: drained(ours, count - 1), "fanout-rss": peak.value}

            yield Sides(measure_ours, lambda: {name: drained(peer, count - 1)})

    return sides


def messages(name: str, conversations: int, each: int) -> Start:
    """A message in each conversation; the mails are made, and not sent."""

    @contextmanager
    def sides(servers: Servers) -> Iterator[Sides]:
        size = (servers.size(conversations), each)
        count = size[0] * (each - 1)
        with _ours(servers, None, size, Peak()) as ours, _celery(servers, None, size, 0) as peer:
            yield Sides(lambda: {name: drained(ours, count)}, lambda: {name: drained(peer, count)})

    return sides


@contextmanager
def _ours(servers: Servers, port: int | None, size: tuple[int, int], peak: Peak) -> Iterator[Drain]:
    """Our worker; each round posts a message in each conversation."""
    options = AT_ONCE | ({"relay_url": f"smtp://127.0.0.1:{port}"} if port else {})
    conversations, each = size
    with servers.tables() as (url, database), servers.mailtalk("worker", url, **options) as program:
        people.introduce(servers, database, conversations=conversations, each=each)
        wait_for_worker(database)
        with psycopg.connect(url, autocommit=True) as connection:
            queue = _Made(connection, MADE)

            def fill(_: int) -> None:
                people.say(database, conversations)
                queue.expected += conversations * (each - 1)

            def waiting() -> int:
                peak.look(family(program))
                return queue.waiting()

            yield Drain(program, fill, waiting, lambda: servers.ring(DELIVER, url))


@contextmanager
def _celery(servers: Servers, port: int | None, size: tuple[int, int], concurrency: int) -> Iterator[Drain]:
    """The Celery program; its default concurrency is the number of cores."""
    environment = {"DATABASE": servers.new_database(), "BROKER": servers.broker(2)}
    conversations, each = size
    servers.run_peer(PEER, "prepare", str(conversations), str(each), **environment)
    options = [f"--concurrency={concurrency}"] if concurrency else []
    command = ["-m", "celery", "-A", PEER.removesuffix(".py"), "worker", "--loglevel=ERROR", *options]
    with (
        servers.peer(*command, **environment) as program,
        psycopg.connect(environment["DATABASE"], autocommit=True) as connection,
    ):
        queue = _Made(connection, "SELECT count(*) FROM mails")

        def fill(_: int) -> None:
            servers.run_peer(PEER, *(["send", str(port)] if port else ["post"]), **environment)
            queue.expected += conversations * (each if port else each - 1)

        yield Drain(program, fill, queue.waiting)


@dataclass
class _Made:
    """How many mails are still to come, of all rounds."""

    connection: psycopg.Connection
    query: str
    expected: int = 0

    def waiting(self) -> int:
        row = self.connection.execute(self.query).fetchone()
        return self.expected - (row[0] if row else 0)


STEPS = "each mail is claimed, checked, marked as sending, and recorded; the peer commits once for 100"
CHUNKS = "Celery tasks of 100 recipients, by smtplib"
BENCHMARKS = (
    Benchmark(
        "mails of one message to 10,000 participants at the relay, one worker",
        CHUNKS,
        [Figure("fanout", "/s", 5, short=STEPS), Figure("fanout-rss", "MB", 200, "less")],
        fan_out("fanout", 10_000),
    ),
    Benchmark(
        "the same, 20 ms of round trip to the relay",
        f"{CHUNKS}, its default concurrency",
        [Figure("fanout-20ms", "/s", 5, short="eight connections of four round trips' 20 ms each")],
        fan_out("fanout-20ms", 2_000, 0.02),
    ),
    Benchmark(
        "the same, as many connections for both",
        f"{CHUNKS}, 8 processes",
        [Figure("fanout-20ms-8", "/s", 1.8)],
        fan_out("fanout-20ms-8", 2_000, 0.02, 8),
    ),
    Benchmark(
        "mails made for a message in each of 1,000 conversations of five",
        "a Celery task a message, mails kept by one commit",
        [
            Figure(
                "messages",
                "/s",
                5,
                short="reading and writing rows, and each reader's addresses and links, are half of it",
            )
        ],
        messages("messages", 1_000, 5),
    ),
)
