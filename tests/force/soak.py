"""Soak: the stack under load for MINUTES; memory stays flat, and nothing is lost. `make soak MINUTES=10` runs it."""

import os
import threading
import time
from statistics import mean

import checker
import psutil
import pytest
from checker import Verdict
from stacks import ForkedStack
from support.waiting import until
from test_chaos import LIMIT, POOL, READER, clients, disk, own_postgres, own_valkey, quiet, sink, stack  # noqa: F401

from clients import History, running
from mailtalk.keys import Keyring

MINUTES = float(os.environ.get("MINUTES", "10"))
GROWTH, SLACK = 1.1, 15.0  # of the last third over the second; MB


@pytest.mark.timeout(MINUTES * 60 + 600)
def test_memory_stays_flat_and_nothing_is_lost(stack: ForkedStack, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    history, sizes = History(), {role: [] for role in stack.roles}
    with running(*clients(stack, history)):
        end = time.monotonic() + MINUTES * 60
        while time.monotonic() < end:
            threading.Event().wait(1)
            for role, pid in stack.pids.items():
                sizes[role].append(psutil.Process(pid).memory_info().rss / 1e6)
    until(lambda: quiet(stack), 300)
    verdict, found = Verdict(), []
    with stack.client() as http:
        found += checker.changes(http, history, LIMIT, POOL, verdict)
    found += checker.messages(stack.cast.database, stack.cast.app_id, history, verdict)
    found += checker.raw_mails(stack.cast.database, Keyring.from_setting("k" * 32), history, verdict)
    sent = list(zip(stack.sink.recipients, stack.sink.mails, strict=True))
    found += checker.mails(stack.cast.database, sent, history, READER, verdict)
    thirds = {role: (third(size, 1), third(size, 2)) for role, size in sizes.items()}
    with capsys.disabled():
        memory = " ".join(f"{role}={before:.0f}->{after:.0f}MB" for role, (before, after) in thirds.items())
        print(f"\nminutes={MINUTES:g} operations={history.operations} {memory} {verdict}")  # noqa: T201  make soak shows it
    assert found == []
    assert verdict.broken == 0
    assert stack.starts == len(stack.roles)
    assert all(after < before * GROWTH + SLACK for before, after in thirds.values())


def third(sizes: list[float], number: int) -> float:
    """Mean of the second or last third."""
    length = len(sizes) // 3
    return mean(sizes[number * length : (number + 1) * length])
