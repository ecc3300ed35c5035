"""How fast a worker drains a queue: it is paused while the queue is filled."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

from bench.servers import wait_until
from cli.processes import Program

PATIENCE = 600.0


@dataclass(frozen=True)
class Drain:
    """A worker, and its queue: a way to fill it, and its length."""

    program: Program
    fill: Callable[[int], None]
    waiting: Callable[[], int]
    wake: Callable[[], None] = lambda: None


def drained(drain: Drain, count: int, backlog: int = 0) -> float:
    """Fill the queue with `count` things, or up to `backlog`; give how many a second leave it, of the first `count`."""
    with paused(drain.program):
        length = max(count, backlog)
        drain.fill(length - drain.waiting())
        drain.wake()
        left = length - count
        start = time.monotonic()
    wait_until(lambda: drain.waiting() <= left, "the queue is not drained", PATIENCE)
    return count / (time.monotonic() - start)


@contextmanager
def paused(program: Program) -> Iterator[None]:
    """Stop a process and its children by SIGSTOP meanwhile."""
    processes = family(program)
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()


def family(program: Program) -> list[psutil.Process]:
    """A program's process and its children."""
    if program.process is None:
        raise ValueError(f"{program.name} was not started")
    parent = psutil.Process(program.process.pid)
    return [parent, *parent.children(recursive=True)]
