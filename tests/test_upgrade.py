"""A database of the first version is upgraded with all that it holds: addresses work, what waited goes on."""

import smtplib
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from support.servers import bridging, make_settings, working
from support.sql import column
from support.waiting import until

from cli.local.embedded import Postgres
from mailtalk.db.database import Database, migrate
from mailtalk.keys import Keyring
from mailtalk.models import Participation
from mailtalk.participation import addresses
from mailtalk.settings.load import Settings
from mailtalk.vocabulary import Purpose

DUMP = Path(__file__).parent / "data/version_0001.sql"
TEXTS = "SELECT text FROM messages ORDER BY seq"


@pytest.fixture
def settings(postgres: Postgres, redis_url: str, binaries: Path) -> Iterator[Settings]:
    """Settings of the first version's installation, with its database upgraded."""
    url = postgres.url.rpartition("/")[0] + "/upgraded"
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE upgraded"))
        subprocess.run([binaries / "psql", "--quiet", "-v", "ON_ERROR_STOP=1", "-f", DUMP, url], check=True)
        migrate(url)
        yield make_settings(database_url=url, redis_url=redis_url, reply_domain="reply.example")
        connection.execute(sql.SQL("DROP DATABASE upgraded WITH (FORCE)"))


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    with closing(Database(settings.require("database_url"))) as database:
        yield database


def test_what_waited_goes_on(settings: Settings, database: Database) -> None:
    assert column(database, TEXTS) == ["One", "Two", "Three"]
    with working(settings):
        until(lambda: "Four" in column(database, TEXTS))  # a mail that was kept by the first version
        until(lambda: column(database, "SELECT status FROM changes WHERE user_id = 'carol'") == ["applied"])
        mailed = "SELECT count(*) FROM deliveries WHERE stage = 'captured' AND user_id = 'bob'"
        until(lambda: column(database, mailed)[0] >= 2)
    assert column(database, "SELECT notify FROM participations WHERE user_id = 'carol'") == ["MentionsOnly"]
    assert column(database, "SELECT count(*) FROM inbound_mails WHERE outcome = 'failed'") == [0]


def test_an_address_from_an_old_mail_still_works(settings: Settings, database: Database) -> None:
    keyring = Keyring.from_setting(settings.require("secret_key"))
    with database.transaction() as session:
        bob = session.query(Participation).filter_by(user_id="bob").one()
        known = set(column(database, "SELECT hash FROM addresses"))
        local, row = addresses.made(keyring, bob, Purpose.REPLY)
    assert row["hash"] in known  # it is the one that the first version issued
    with bridging(settings) as (host, port), working(settings), smtplib.SMTP(host, port) as client:
        mail = f"From: bob@example.com\r\nTo: {local}@reply.example\r\nMessage-ID: <five@example.com>\r\n\r\nFive\r\n"
        client.sendmail("bob@example.com", [f"{local}@reply.example"], mail)
        until(lambda: "Five" in column(database, TEXTS))
