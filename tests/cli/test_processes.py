import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from cli.processes import Program

HEAD = r'''
import signal, sys
from cli.processes import Program, Supervisor, tied
def program(name, child, **more):
    return Program(name, [*tied(signal.SIGKILL), sys.executable, "-c", child], **more)
PATIENT = "import os, signal; print(os.getpid(), flush=True); signal.pause()"
POLITE = """
import os, signal
def end(*_):
    os.write(1, b"NAME told\\n")
    raise SystemExit
signal.signal(signal.SIGTERM, end)
os.write(1, b"ready\\n")
signal.pause()
"""
DEAF = """
import os, signal
signal.signal(signal.SIGTERM, lambda *_: os.write(1, b"told\\n"))
print(os.getpid(), flush=True)
while True:
    signal.pause()
"""
'''


class Supervised:
    """A supervisor in a process of its own, since signals are a process's own; its lines are our events."""

    def __init__(self, body: str) -> None:
        script = HEAD + textwrap.dedent(body)
        self.process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        self.lines = self.process.stdout

    def line(self) -> str:
        return self.lines.readline().strip()

    def ends(self, what: signal.Signals) -> tuple[int, float]:
        began = time.monotonic()
        self.process.send_signal(what)
        return self.process.wait(15), time.monotonic() - began


@pytest.fixture
def supervised() -> Iterator[type[Supervised]]:
    started = []

    class Kept(Supervised):
        def __init__(self, body: str) -> None:
            super().__init__(body)
            started.append(self)

    yield Kept
    for each in started:
        each.process.kill()
        each.process.wait()
        each.lines.close()


ONE = """
with Supervisor() as supervisor:
    supervisor.add(program("one", PATIENT))
    supervisor.run()
"""


def test_what_dies_is_started_again_within_a_second_each_time(supervised: type[Supervised]) -> None:
    us = supervised(ONE)
    for _ in range(3):
        child = int(us.line())
        began = time.monotonic()
        os.kill(child, signal.SIGKILL)
        assert us.line() == "one ended (killed by SIGKILL); starting it again"
        assert psutil.pid_exists(us.process.pid)
        assert time.monotonic() - began < 1
    assert int(us.line()) != child


def test_what_cannot_run_is_tried_again_but_not_in_a_busy_loop(supervised: type[Supervised]) -> None:
    us = supervised("""
        with Supervisor() as supervisor:
            supervisor.add(program("broken", "raise SystemExit(3)"))
            supervisor.run()
    """)
    assert us.line() == "broken ended (exit code 3); starting it again"
    began = time.monotonic()
    assert us.line() == "broken ended (exit code 3); starting it again"
    assert 0.3 < time.monotonic() - began < 2


@pytest.mark.parametrize("what", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_everything(what: signal.Signals, supervised: type[Supervised]) -> None:
    us = supervised(ONE)
    child = int(us.line())
    code, seconds = us.ends(what)
    assert code == 0
    assert seconds < 3
    assert not psutil.pid_exists(child)


def test_a_signal_while_starting_stops_what_was_started(supervised: type[Supervised]) -> None:
    us = supervised("""
        with Supervisor() as supervisor:
            supervisor.add(program("one", PATIENT))
            signal.pause()
    """)
    child = int(us.line())
    assert us.ends(signal.SIGTERM)[0] == 0
    assert not psutil.pid_exists(child)


def test_the_last_added_is_stopped_first(supervised: type[Supervised]) -> None:
    us = supervised("""
        with Supervisor() as supervisor:
            for name in ("database", "api"):
                child = POLITE.replace("NAME", name)
                supervisor.add(program(name, child))
            supervisor.run()
    """)
    assert [us.line(), us.line()] == ["ready", "ready"]
    us.ends(signal.SIGTERM)
    assert [us.line(), us.line()] == ["api told", "database told"]


def test_who_does_not_listen_is_killed_when_the_grace_is_over(supervised: type[Supervised]) -> None:
    us = supervised("""
        with Supervisor() as supervisor:
            supervisor.add(program("deaf", DEAF, grace=0.3))
            supervisor.run()
    """)
    child = int(us.line())
    code, seconds = us.ends(signal.SIGTERM)
    assert (code, us.line()) == (0, "told")
    assert 0.3 <= seconds < 3
    assert not psutil.pid_exists(child)


def test_a_second_ctrl_c_hurries(supervised: type[Supervised]) -> None:
    us = supervised("""
        with Supervisor() as supervisor:
            supervisor.add(program("deaf", DEAF, grace=60))
            supervisor.run()
    """)
    child = int(us.line())
    us.process.send_signal(signal.SIGINT)
    assert us.line() == "told"
    code, seconds = us.ends(signal.SIGINT)
    assert code == 0
    assert seconds < 3
    assert not psutil.pid_exists(child)


def test_a_second_sigterm_does_not_hurry(supervised: type[Supervised]) -> None:
    us = supervised("""
        with Supervisor() as supervisor:
            supervisor.add(program("deaf", DEAF, grace=1))
            supervisor.run()
    """)
    us.line()
    us.process.send_signal(signal.SIGTERM)
    assert us.line() == "told"
    code, seconds = us.ends(signal.SIGTERM)
    assert code == 0
    assert seconds > 0.5


@pytest.mark.skipif(not shutil.which("setpriv"), reason="the kernel ties a child to its parent on Linux only")
def test_programs_die_with_a_supervisor_that_is_killed(supervised: type[Supervised]) -> None:
    us = supervised(ONE)
    us.line()
    us.process.kill()
    assert us.line() == ""  # the end of the pipe: nobody holds it any more


def test_until_ends_the_wait(supervised: type[Supervised]) -> None:
    us = supervised("""
        answers = iter([False, False, True])
        with Supervisor() as supervisor:
            print(supervisor.run(until=lambda: next(answers)), flush=True)
    """)
    assert us.line() == "True"


def test_nohup_keeps_us_running_without_a_terminal(supervised: type[Supervised]) -> None:
    us = supervised("signal.signal(signal.SIGHUP, signal.SIG_IGN)\n" + ONE)
    child = int(us.line())
    us.process.send_signal(signal.SIGHUP)
    os.kill(child, signal.SIGKILL)
    assert us.line().startswith("one ended")
    assert us.ends(signal.SIGTERM)[0] == 0


def test_a_program_writes_to_its_log_for_our_eyes_only(tmp_path: Path) -> None:
    log = tmp_path / "log"
    program = Program("it", [sys.executable, "-c", "print('hello')"], log=log)
    program.start()
    assert program.wait(10)
    assert log.read_text() == "hello\n"
    assert log.stat().st_mode & 0o077 == 0
