"""Accepting mail: one bridge, its rows committed before each 250, beside Postfix and an aiosmtpd that keeps nothing."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from bench import mails, people
from bench.measure import Benchmark, Figure, Missing, Sides, Start, Values
from bench.peers.postfix import Postfix, require_postfix
from bench.servers import DOMAIN, Servers, free_port, output, wait_for_port
from mailtalk.db.database import Database

SOURCE = shutil.which("smtp-source") or "/usr/sbin/smtp-source"
CLEAR = "TRUNCATE inbound_mails, raw_mails CASCADE"


@dataclass(frozen=True)
class Load:
    """What smtp-source, Postfix's load generator, sends: so many mails of so many bytes over so many connections."""

    name: str
    mails: int
    size: int
    connections: int
    kept: bool = True

    def send(self, servers: Servers, port: int, recipient: str) -> Values:
        """Send a round; give mails a second."""
        count, mail = servers.size(self.mails), servers.directory / f"{self.name}.eml"
        mail.write_bytes(mails.sized(self.size, recipient).replace(b"\r\n", b"\n"))
        options = ["-s", str(self.connections), "-m", str(count), "-F", str(mail), *(["-d"] if self.kept else [])]
        start = time.monotonic()
        output(SOURCE, *options, "-f", "bob@example.com", "-t", recipient, f"127.0.0.1:{port}")
        return {self.name: count / (time.monotonic() - start)}


@contextmanager
def bridge(servers: Servers, load: Load) -> Iterator[Callable[[], Values]]:
    """Our bridge, without a worker."""
    if not Path(SOURCE).exists():
        raise Missing("the load generator smtp-source comes with Postfix, which is not installed")
    port = free_port()
    with servers.tables() as (url, database), servers.mailtalk("bridge", url, smtp_port=port):
        people.introduce(servers, database, conversations=1, each=1)
        (recipient,) = people.inbound_addresses(servers, database, 1)
        wait_for_port(port)

        def ours() -> Values:
            values = load.send(servers, port, recipient)
            _check(database, servers.size(load.mails))
            return values

        yield ours


def _check(database: Database, count: int) -> None:
    """Hold that every mail is a row, and begin anew."""
    with database.transaction() as session:
        rows = session.scalar(text("SELECT count(*) FROM inbound_mails"))
        if rows != count:
            raise AssertionError(f"{rows} rows of {count} mails")
        session.execute(text(CLEAR))


def beside_postfix(load: Load) -> Start:
    """Beside Postfix with its queue on the same disk."""

    @contextmanager
    def sides(servers: Servers) -> Iterator[Sides]:
        require_postfix()
        postfix = Postfix(servers.directory / f"postfix-{free_port()}")

        def peer() -> Values:
            values = load.send(servers, postfix.port, f"bob@{DOMAIN}")
            if (held := postfix.clear()) != servers.size(load.mails):
                raise AssertionError(f"Postfix holds {held} of {servers.size(load.mails)} mails")
            return values

        with bridge(servers, load) as ours, postfix.running():
            yield Sides(ours, peer)

    return sides


def beside_aiosmtpd(load: Load) -> Start:
    """Beside an aiosmtpd that keeps nothing."""

    @contextmanager
    def sides(servers: Servers) -> Iterator[Sides]:
        port = free_port()
        with bridge(servers, load) as ours, servers.peer("aiosmtpd_nothing.py", str(port)):
            wait_for_port(port)
            yield Sides(ours, lambda: load.send(servers, port, f"bob@{DOMAIN}"))

    return sides


KEPT = Load("accept-2k", 5_000, 2_048, 50)
NOTHING = Load("accept-2k-nothing", 5_000, 2_048, 50)
EACH = Load("accept-2k-connect", 3_000, 2_048, 50, kept=False)
LARGE = Load("accept-100k", 1_500, 100_000, 10)
ROUND_TRIPS = "two round trips to PostgreSQL a mail, on the cores of the load and the peer"
BENCHMARKS = (
    Benchmark(
        "mails of 2 kB accepted, 50 kept connections, one bridge",
        "Postfix into its queue",
        [Figure("accept-2k", "/s", 5, short=ROUND_TRIPS)],
        beside_postfix(KEPT),
    ),
    Benchmark(
        "the same",
        "aiosmtpd that keeps nothing",
        [Figure("accept-2k-nothing", "/s", 2, short=ROUND_TRIPS)],
        beside_aiosmtpd(NOTHING),
    ),
    Benchmark(
        "mails of 2 kB accepted, a connection each, 50 at once",
        "Postfix into its queue",
        [Figure("accept-2k-connect", "/s", 2.5, short="a session costs the bridge and PostgreSQL 0.5 ms")],
        beside_postfix(EACH),
    ),
    Benchmark(
        "mails of 100 kB accepted, 10 kept connections",
        "Postfix into its queue",
        [Figure("accept-100k", "/s", 1.2, short="PostgreSQL writes 13 µs a kB, and twice: log and table")],
        beside_postfix(LARGE),
    ),
)
