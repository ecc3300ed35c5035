"""Clocks of machines that are wrong: a worker waits and looks by the clock of the database's server."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from pydantic import SecretStr
from support.cast import Cast
from support.servers import make_settings, sweeping
from support.smtp_sink import Sink, sinking
from support.sql import column, raise_for
from support.waiting import until
from support.webhook_receiver import subscribe, webhook_receiver

from mailtalk import clock
from mailtalk.db.server_clock import ServerClock
from mailtalk.keys import Keyring
from mailtalk.participation.rules import Request
from mailtalk.settings.load import Settings
from mailtalk.vocabulary import ChangeKind

WRONG = (timedelta(hours=-1), timedelta(hours=1))
Jump = Callable[[], None]
WAITS = "extract(epoch FROM not_before - now()) BETWEEN 0 AND 120"


@pytest.fixture
def sink() -> Iterator[Sink]:
    with sinking() as sink:
        yield sink


@pytest.fixture
def settings(database_url: str, redis_url: str, sink: Sink) -> Settings:
    settings = make_settings(database_url=database_url, redis_url=redis_url, webhook_allow_private="127.0.0.0/8")
    return settings.model_copy(update={"relay_url": SecretStr(sink.url)})


@pytest.fixture(params=WRONG, ids=["behind", "ahead"])
def jump(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Have the clock of this machine wrong from now on."""
    right, error = clock.now, request.param
    return lambda: monkeypatch.setattr(clock, "now", lambda: right() + error)


def test_a_mail_waits_for_its_next_attempt(cast: Cast, settings: Settings, sink: Sink, jump: Jump) -> None:
    sink.will("RCPT", "451 later")
    cast.join("alice", "bob")
    cast.say("alice", "hi")
    jump()
    with sweeping(settings):
        until(lambda: column(cast.database, "SELECT stage FROM deliveries") == ["deferred"])
        assert column(cast.database, f"SELECT {WAITS} FROM deliveries") == [True]  # noqa: S608  ours
    assert sink.mails == []


def test_an_event_waits_for_its_next_attempt(cast: Cast, settings: Settings, keyring: Keyring, jump: Jump) -> None:
    jump()
    with webhook_receiver() as receiver, sweeping(settings):
        receiver.answer = lambda _request: (500, {})
        subscribe(cast, keyring, receiver.url)
        cast.accept("carol", Request(ChangeKind.JOIN))
        until(lambda: column(cast.database, "SELECT attempts FROM webhook_deliveries") == [1])
        until(lambda: column(cast.database, "SELECT claim FROM webhook_lanes") == [None])
        assert column(cast.database, f"SELECT {WAITS} FROM webhook_lanes") == [True]  # noqa: S608  ours


def test_a_change_waits_for_its_next_attempt(cast: Cast, settings: Settings, jump: Jump) -> None:
    jump()
    raise_for(cast.database, "participations", "NEW.user_id = 'carol'")
    with sweeping(settings):
        cast.accept("carol", Request(ChangeKind.JOIN))
        until(lambda: column(cast.database, "SELECT attempts FROM changes WHERE user_id = 'carol'") == [1])
        assert column(cast.database, f"SELECT {WAITS} FROM changes WHERE user_id = 'carol'") == [True]  # noqa: S608  ours


def test_the_servers_clock_goes_on_between_two_readings(cast: Cast, jump: Jump) -> None:
    jump()
    server = ServerClock()
    with cast.database.transaction() as session:
        read = server.read(session)
    until(lambda: server.now() > read)
    assert column(cast.database, "SELECT abs(extract(epoch FROM now() - :at)) < 60", at=server.now()) == [True]
