"""Webhooks: events of 200 conversations for one endpoint, beside a Celery task an event with requests."""

from collections.abc import Iterator
from contextlib import contextmanager

from bench import people
from bench.drain import Drain, drained
from bench.measure import Benchmark, Figure, Sides
from bench.receiver import received, receiving
from bench.servers import Servers, wait_for_worker
from mailtalk import clock
from mailtalk.webhooks import endpoints
from mailtalk.webhooks.endpoints import EndpointSpec
from mailtalk.webhooks.ssrf import SsrfGuard

CONVERSATIONS = 200
EACH = 10  # events of a conversation
PEER = "webhooks_celery"


class _Told:
    """How many events the receiver still has to get, of all rounds."""

    def __init__(self, url: str) -> None:
        self.url, self.expected = url, 0

    def waiting(self) -> int:
        return self.expected - received(self.url)


@contextmanager
def sides(servers: Servers) -> Iterator[Sides]:
    """Both with a receiver of their own."""
    count = servers.size(CONVERSATIONS * EACH) // CONVERSATIONS * CONVERSATIONS or CONVERSATIONS
    with (
        receiving(servers) as our_url,
        receiving(servers) as their_url,
        _ours(servers, our_url) as ours,
        _celery(servers, their_url) as peer,
    ):
        yield Sides(lambda: {"webhooks": drained(ours, count)}, lambda: {"webhooks": drained(peer, count)})


@contextmanager
def _ours(servers: Servers, url: str) -> Iterator[Drain]:
    told = _Told(url)
    with servers.tables() as (database_url, database), servers.mailtalk("worker", database_url) as program:
        people.introduce(servers, database, conversations=CONVERSATIONS, each=1)
        guard, spec = SsrfGuard("true"), EndpointSpec(url, ["message.sent"])
        with database.transaction() as session:
            endpoints.put(session, servers.keyring, guard, clock.now(), people.APP, "main", spec)
        wait_for_worker(database)

        def fill(count: int) -> None:
            for _ in range(count // CONVERSATIONS):
                people.say(database, CONVERSATIONS, quiet=900)
            told.expected += count

        yield Drain(program, fill, told.waiting)


@contextmanager
def _celery(servers: Servers, url: str) -> Iterator[Drain]:
    told, environment = _Told(url), {"BROKER": servers.broker(4)}
    with servers.peer("-m", "celery", "-A", PEER, "worker", "--loglevel=ERROR", **environment) as program:

        def fill(count: int) -> None:
            servers.run_peer(f"{PEER}.py", url, str(count), **environment)
            told.expected += count

        yield Drain(program, fill, told.waiting)


BENCHMARKS = (
    Benchmark(
        "events of 200 conversations sent to one endpoint, one worker",
        "a Celery task an event with requests",
        [Figure("webhooks", "/s", 3, short="each event is claimed, and its outcome recorded; the peer keeps neither")],
        sides,
    ),
)
