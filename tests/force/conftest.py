"""Stacks that several of these tests share the making of."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretStr
from stacks import ForkedStack, forked
from support.cast import Cast
from support.servers import make_settings
from support.smtp_sink import sinking

from cli.local.embedded import Postgres, Valkey
from mailtalk.db.database import Database, migrate
from mailtalk.keys import Keyring

KEYRING = Keyring.from_setting("k" * 32)


@pytest.fixture
def durable(tmp_path: Path, valkey: Valkey) -> Iterator[ForkedStack]:
    """A stack on a server with PostgreSQL's own defaults, for who asks the disk."""
    server = Postgres(tmp_path / "postgres")
    server.start()
    migrate(server.url)
    settings = make_settings(database_url=SecretStr(server.url), redis_url=SecretStr(valkey.url))
    with closing(Database(server.url)) as database, sinking() as sink:
        cast = Cast.introduce(database, KEYRING)
        with forked(settings, sink, cast, tmp_path, roles=("api", "bridge")) as stack:
            yield stack
    server.stop()
