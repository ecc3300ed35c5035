"""The process `mailtalk bridge`: its memory, its signals, its neighbours at one port."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from support.bridge_process import BridgeProcess
from support.cast import Cast
from support.certificates import make, trusting
from support.command_line import MAILTALK
from support.raw_smtp import Talk
from support.server_process import environment
from support.servers import bridging, free_port
from support.smtp_client import MAIL, kept
from support.sql import until_blocked

from mailtalk.settings.load import Settings

MB = 1_000_000


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a certificate and its key."""
    directory = tmp_path_factory.mktemp("certificate")
    make(directory)
    return directory


@pytest.fixture(scope="module")
def bridge_process(tmp_path_factory: pytest.TempPathFactory, secured: Path) -> Iterator[BridgeProcess]:
    log = tmp_path_factory.mktemp("bridge") / "log"
    certificate = {"smtp_tls_cert": secured / "cert.pem", "smtp_tls_key": secured / "key.pem"}
    sizes = {"smtp_message_bytes": 10 * MB, "smtp_report_bytes": 10 * MB, "smtp_in_flight_bytes": 20 * MB}
    with BridgeProcess(log, **sizes, **certificate) as process:
        yield process


def pour(talk: Talk, size: int) -> None:
    """Send so many bytes without an end of line, as long as anybody takes them."""
    with suppress(OSError):
        for _ in range(size // MB):
            talk.send(b"x" * MB)


def test_an_endless_line_takes_no_memory(bridge_process: BridgeProcess, secured: Path) -> None:
    before = bridge_process.memory()
    with bridge_process.talk() as talk:
        talk.begin()
        pour(talk, 400 * MB)
    with bridge_process.talk() as talk:
        talk.send(b"NOOP ")
        pour(talk, 400 * MB)
    with bridge_process.talk() as talk:
        talk.start_tls(trusting(secured / "cert.pem"))
        talk.begin()
        pour(talk, 100 * MB)
    assert bridge_process.peak() - before < 30


def test_many_large_mails_take_no_more_memory_than_allowed(bridge_process: BridgeProcess) -> None:
    before = bridge_process.memory()
    with ExitStack() as ends:
        talks = [ends.enter_context(bridge_process.talk()) for _ in range(15)]
        for talk in talks:
            talk.begin()
        for _ in range(9):
            for talk in talks:
                talk.send(b"x" * MB)
        for talk in talks:
            talk.send(b"\r\n.\r\n")
        said = [talk.hear()[:9] for talk in talks]
        assert set(said) == {"451 4.3.0", "452 4.3.1"}  # there is no database
        assert said.count("452 4.3.1") >= 13
    assert bridge_process.peak() - before < 110


def test_a_new_certificate_is_used_after_sighup_and_a_broken_one_is_not(
    bridge_process: BridgeProcess, secured: Path
) -> None:
    first = trusting(secured / "cert.pem")
    with bridge_process.talk() as early:
        make(secured)
        second = trusting(secured / "cert.pem")
        with bridge_process.talk() as talk:
            talk.start_tls(first)
        bridge_process.signal(signal.SIGHUP, "the certificate was read again")
        early.start_tls(second)
    (secured / "cert.pem").write_text("nonsense")
    bridge_process.signal(signal.SIGHUP, "the certificate stays as it was")
    with bridge_process.talk() as talk:
        talk.start_tls(second)
        assert talk.say("NOOP").startswith("250 ")
    make(secured)
    bridge_process.signal(signal.SIGHUP, "the certificate was read again")


def test_sigterm_lets_a_mail_finish_and_sends_everybody_else_away(
    cast: Cast, settings: Settings, tmp_path: Path
) -> None:
    with BridgeProcess(tmp_path / "log", database_url=settings.require("database_url")) as bridge:
        with bridge.talk() as busy, bridge.talk() as idle, bridge.talk() as halfway:
            busy.begin()
            halfway.say("EHLO x", "MAIL FROM:<>", "RCPT TO:<postmaster>")
            bridge.process.send_signal(signal.SIGTERM)
            assert idle.hear().startswith("421 4.3.2 ")
            assert halfway.hear().startswith("421 4.3.2 ")
            assert idle.hear() == ""
            with pytest.raises(ConnectionError):
                socket.create_connection(bridge.where, timeout=5).close()
            busy.send(MAIL + b".\r\n")
            assert busy.hear().startswith("250 ")
            assert busy.hear().startswith("421 4.3.2 ")
            assert busy.hear() == ""
        assert bridge.process.wait(10) == 0
        assert "Traceback" not in bridge.said
    assert kept(cast) == [MAIL]


def test_who_never_finishes_does_not_hold_the_end_up(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smtp_bridge.server.DRAIN", 0.3)
    with ExitStack() as ends:
        with bridging(settings) as where:
            talk = ends.enter_context(Talk(where))
            talk.begin()
            began = time.monotonic()
        assert 0.3 <= time.monotonic() - began < 3
        assert talk.hear() == ""


def test_a_database_that_hangs_does_not_hold_the_end_up(cast: Cast, settings: Settings, tmp_path: Path) -> None:
    hasty = "import smtp_bridge.server as s; s.DRAIN = 0.2; s.LAST = 1; from cli.main import main; main(['bridge'])"
    url = settings.require("database_url")
    with BridgeProcess(tmp_path / "log", ["-c", hasty], database_url=url) as bridge, bridge.talk() as talk:
        with cast.database.engine.begin() as connection:
            connection.exec_driver_sql("LOCK TABLE raw_mails")  # our own patience with a lock is 10 s
            talk.begin()
            talk.send(MAIL + b".\r\n")
            until_blocked(cast.database)
            bridge.process.terminate()
            began = time.monotonic()
            assert bridge.process.wait(20) == 0
            assert time.monotonic() - began < 9
        assert talk.hear() == ""


def test_several_bridges_share_a_port(cast: Cast, settings: Settings, tmp_path: Path) -> None:
    shared = {"smtp_port": free_port(), "database_url": settings.require("database_url")}
    with ExitStack() as ends:
        first, second = (BridgeProcess(tmp_path / name, **shared) for name in ("1", "2"))
        ends.enter_context(first)
        ends.enter_context(second)
        with ExitStack() as talking:
            talks = [talking.enter_context(first.talk()) for _ in range(20)]
            assert first.sessions + second.sessions == 20
            assert first.sessions
            assert second.sessions
            assert talks[0].say("QUIT").startswith("221 ")
        first.process.terminate()
        assert first.process.wait(10) == 0
        with second.talk() as talk:
            assert talk.post().startswith("250 ")
    assert kept(cast) == [MAIL]


def test_a_port_that_another_program_has_is_named(settings: Settings, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        values = {"smtp_port": other.getsockname()[1], "data_dir": tmp_path}
        done = subprocess.run(
            [sys.executable, MAILTALK, "bridge"], env=environment(**values), capture_output=True, text=True, check=False
        )
    assert done.returncode == 2
    assert f"MAILTALK_SMTP_PORT = {values['smtp_port']}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("door", ["smtp_port", "lmtp_port"])
def test_up_does_not_join_the_bridge_of_somebody_else(bridge: tuple[str, int], tmp_path: Path, door: str) -> None:
    ports = {"api_port": free_port(), "smtp_port": free_port()}
    values = {**ports, "data_dir": tmp_path, door: bridge[1]}
    done = subprocess.run(
        [sys.executable, MAILTALK, "up"], env=environment(**values), capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert f"MAILTALK_{door.upper()}={bridge[1]}: another program listens at 127.0.0.1:{bridge[1]}" in done.stderr
