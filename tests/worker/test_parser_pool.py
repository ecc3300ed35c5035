"""Mails are read in a process that may die of them."""

import gc
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from support.cast import Cast
from support.inbox import DOMAIN, Box, mail
from support.shared_mails import SHARED_MAILS
from support.waiting import until

from mailtalk.errors import Unavailable
from mailtalk.keys import Keyring
from mailtalk.mail.parsing import limits, parse
from mailtalk.mail.reader import reading
from mailtalk.mail.reader.reading import Unreadable
from worker import parser_process
from worker.parser_pool import Parser, ParserPool

HOSTILE = SHARED_MAILS / "hostile"
RAW = mail("Hello\r\n\r\nOn Monday, Alice wrote:\r\n> Hi", "Message-ID: <1@x>\r\n")
FROM = "bob@example.com"
# What reading a mail may do to the process: a parser with a fault of its own.
FAULT = """
import os, signal, mailtalk.mail.reader.process as child
child.CPU_SECONDS = 0
def fault(*mail, **about):
    if b"fault" in mail[1]:
        {}
    return read(*mail, **about)
read, child.reading.read = child.reading.read, fault
child.main()
"""


@pytest.fixture
def readers() -> Iterator[ParserPool]:
    with closing(ParserPool()) as readers:
        yield readers


def read(reader: Parser, raw: bytes = RAW) -> str:
    """What a mail says, by both questions."""
    reader.read(raw, FROM, DOMAIN)
    return reader.words(None).text


def faulty(monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    monkeypatch.setattr(parser_process, "COMMAND", (sys.executable, "-c", FAULT.format(fault)))


def children() -> set[int]:
    return {each.pid for each in psutil.Process().children()}


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_another_process_reads_the_same(readers: ParserPool) -> None:
    parsed = parse.parse(RAW)
    with readers.take() as reader:
        assert reader.read(RAW, FROM, DOMAIN) == reading.read(parsed, RAW, mail_from=FROM, own_domain=DOMAIN)
        assert reader.words(None) == reading.words(parsed, own_domain=DOMAIN, sent=None)
        assert reader.child.pid != os.getpid()


def test_a_process_serves_one_mail_after_the_other(readers: ParserPool) -> None:
    with readers.take() as one:
        assert read(one) == "Hello"
        with readers.take() as two:
            assert read(two) == "Hello"
            assert one.child.pid != two.child.pid
    with readers.take() as again:
        assert again.child in {one.child, two.child}
        with pytest.raises(limits.LimitExceeded) as caught:
            read(again, b"X-A: 1\r\n" * 20_000)
        assert caught.value.reason == "header-block-too-large"
        assert read(again) == "Hello"


def test_a_process_waits_though_sockets_of_the_worker_have_a_default_time_out(readers: ParserPool) -> None:
    """Celery and kombu set one for a while, each in its thread, and one of them may put back the other's for good."""
    socket.setdefaulttimeout(1)  # until the test ends
    with readers.take() as reader:
        assert read(reader) == "Hello"


@pytest.mark.parametrize("question", ["read", "words"])
def test_a_process_that_is_killed_is_replaced(readers: ParserPool, question: str) -> None:
    with readers.take() as reader:
        killed = reader.child
        if question == "words":
            reader.read(RAW, FROM, DOMAIN)
        os.kill(killed.pid, signal.SIGKILL)
        assert (reader.words(None).text if question == "words" else read(reader)) == "Hello"
        assert reader.child.pid != killed.pid


def test_a_process_that_dies_between_two_mails_costs_none_of_them_a_try(readers: ParserPool) -> None:
    with readers.take() as reader:
        assert read(reader) == "Hello"
    os.kill(reader.child.pid, signal.SIGKILL)
    os.waitid(os.P_PID, reader.child.pid, os.WEXITED | os.WNOWAIT)
    with readers.take() as again:
        assert again.child.pid != reader.child.pid


def test_a_process_that_hangs_is_replaced(readers: ParserPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parser_process, "ANSWER_SECONDS", 1.5)
    with readers.take() as reader:
        stopped = reader.child.pid
        os.kill(stopped, signal.SIGSTOP)
        assert reader.read(RAW + b"more\r\n" * 200_000, FROM, DOMAIN).message_id == "<1@x>"  # more than the pipe holds
        assert not psutil.pid_exists(stopped)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("while True: pass", "time"),
        ("bytearray(1_000_000_000)", "memory"),
        ("os._exit(0)", "died"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "died"),
        ("os.write(0, bytes([255]) * 8)", "died"),
        ("os.write(0, bytes([0, 0, 0, 1, 7]))", "died"),
        ("os.getuid() or os.setuid(65534); os.fork()", "BlockingIOError"),  # no limit of processes holds root
        ("raise ValueError(mail)", "ValueError"),
        ("return object()", "TypeError"),
    ],
)
def test_a_mail_that_ends_two_processes_is_unreadable(
    readers: ParserPool, monkeypatch: pytest.MonkeyPatch, fault: str, reason: str
) -> None:
    faulty(monkeypatch, fault)
    before = children()
    with readers.take() as reader, pytest.raises(Unreadable) as caught:
        read(reader, RAW + b"fault\r\n")
    assert caught.value.reason.partition(" ")[0] == reason
    assert "Hello" not in str(caught.value)
    with readers.take() as reader:
        assert read(reader) == "Hello"
    readers.close()
    assert children() == before


def test_nothing_is_left_of_processes_that_were_killed(readers: ParserPool) -> None:
    with readers.take() as reader:
        read(reader)
        files, before = open_files(), children() - {reader.child.pid}
        for _ in range(8):
            os.kill(reader.child.pid, signal.SIGKILL)
            assert read(reader) == "Hello"
        assert open_files() == files
        assert children() - before == {reader.child.pid}


def test_a_process_is_confined_and_knows_no_secret(readers: ParserPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILTALK_SECRET_KEY", "s3cret")
    with readers.take() as reader:
        of = Path(f"/proc/{reader.child.pid}")
        assert "MAILTALK" not in (of / "environ").read_text()
        bounds = (of / "limits").read_text()
        for name in ("core file size", "processes", "file size"):
            assert f"Max {name}".ljust(26) + "0".ljust(21) in bounds
        assert "Max address space".ljust(26) + "512000000" in bounds
        assert "Max open files".ljust(26) + "16" in bounds
        assert len(os.listdir(of / "fd")) == 4  # noqa: PTH208  the pipe twice, and nothing where output goes


def test_readers_that_nobody_closed_are_ended() -> None:
    before, readers = children(), ParserPool()
    with readers.take() as reader:
        read(reader)
    del reader, readers
    gc.collect()
    assert children() == before


def test_a_process_ends_with_its_worker() -> None:
    code = "from worker.parser_pool import ParserPool\nwith ParserPool().take() as r: print(r.child.pid); input()"
    with subprocess.Popen([sys.executable, "-u", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as worker:
        assert worker.stdout
        pid = int(worker.stdout.readline())
        assert psutil.pid_exists(pid)
        worker.kill()
    until(lambda: not psutil.pid_exists(pid))


@pytest.mark.skipif(not HOSTILE.exists(), reason="the hostile mails are not here")
def test_no_hostile_mail_ends_a_process(readers: ParserPool) -> None:
    with readers.take() as reader:
        first = reader.child
        for path in sorted(HOSTILE.iterdir()):
            try:
                read(reader, path.read_bytes())
            except limits.LimitExceeded:
                continue
        assert reader.child is first


def test_an_unreadable_mail_fails_at_once_and_keeps_no_other_waiting(
    cast: Cast, keyring: Keyring, readers: ParserPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    faulty(monkeypatch, "os._exit(0)")
    cast.join("alice", "bob")
    box = Box(cast, keyring, readers)
    for said in ("one", "fault", "two"):
        box.receive(mail(said), box.bearer("bob"))
    assert box.outcomes() == [("posted", "whole"), ("failed", "parser: died"), ("posted", "whole")]
    assert box.texts() == ["one", "two"]


def test_when_no_process_can_be_started_the_mail_waits(
    cast: Cast, keyring: Keyring, readers: ParserPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    cast.join("alice", "bob")
    box = Box(cast, keyring, readers)
    box.receive(mail("one"), box.bearer("bob"))
    for command in (("/nowhere/python",), (sys.executable, "-c", "")):
        monkeypatch.setattr(parser_process, "COMMAND", command)
        with pytest.raises(Unavailable):
            box.process()
    monkeypatch.undo()
    assert box.outcomes() == [("posted", "whole")]


def test_a_mail_larger_than_is_ordinary_is_read_with_more_time_and_memory(readers: ParserPool) -> None:
    """The bridge's setting alone says how large a mail may be."""
    with readers.take() as reader:
        ordinary = reader.child.pid
        file = mail(
            "--b\r\n\r\nHello\r\n--b\r\nContent-Type: image/png\r\n\r\n" + "x" * 30_000_000,
            "Content-Type: multipart/mixed; boundary=b\r\n",
        )
        assert read(reader, file) == "Hello"
        assert (reader.child.scale, reader.child.pid == ordinary) == (2, False)
        large = reader.child
    assert not large.lives()


def test_a_picture_that_ends_the_process_harms_neither_its_mail_nor_the_next(
    readers: ParserPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    fatal = "def fatal(content, **_more):\n    if b'fault' in content: os._exit(1)\nchild.thumbnails.of = fatal\n"
    source = FAULT.format("pass").replace("child.main()", f"{fatal}child.main()")
    monkeypatch.setattr(parser_process, "COMMAND", (sys.executable, "-c", source))
    with readers.take() as reader:
        first = reader.child
        assert read(reader) == "Hello"
        assert reader.thumbnails([b"none", b"fault", b"none"]) == [None, None, None]
        until(lambda: not first.lives())
        assert reader.child.lives()
        assert read(reader) == "Hello"
