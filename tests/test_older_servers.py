"""Older PostgreSQL servers, where Debian has them: the tables are made, and a message becomes a mail and an answer."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from support.cast import Cast
from support.servers import make_settings, working
from support.sql import column
from support.waiting import until

from cli.doctor.servers import OLDEST
from cli.local import embedded
from cli.local.embedded import Postgres
from mailtalk import clock
from mailtalk.db.database import Database, migrate
from mailtalk.keys import Keyring
from mailtalk.support import deliveries, queues
from mailtalk.support.deliveries import DeliveryFilter
from mailtalk.vocabulary import QueueName, Stage

INSTALLED = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
TESTED = [path for path in INSTALLED if int(path.parent.name) * 10_000 >= OLDEST and (path / "postgres").exists()]


@pytest.fixture(params=TESTED, ids=lambda path: path.parent.name)
def older(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server of this version; gives the URL of its database."""
    monkeypatch.setattr(embedded, "postgres_binaries", lambda: request.param)
    monkeypatch.setattr(embedded, "INITDB", "--encoding=UTF8 --locale=C --auth=reject --no-instructions")
    with TemporaryDirectory(prefix="mailtalk-") as directory:
        server = Postgres(Path(directory) / "data")
        server.start()
        migrate(server.url)
        yield server.url
        server.stop()


def test_an_older_server_serves(older: str, redis_url: str) -> None:
    settings = make_settings(database_url=older, redis_url=redis_url)
    with closing(Database(older)) as database:
        cast = Cast.introduce(database, Keyring.from_setting(settings.require("secret_key")))
        with working(settings):
            cast.join("alice", "bob")
            cast.say("alice", "hi")
            until(lambda: column(database, "SELECT stage FROM deliveries") == ["captured"])
        with database.transaction() as session:
            system = queues.read(session, clock.now())
            (mail,) = deliveries.page(session, DeliveryFilter(address="BOB@example.com"), limit=5)
    assert [queue.depth for queue in system.queues] == [0] * len(QueueName)
    assert mail.stage is Stage.CAPTURED
