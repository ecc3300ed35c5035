"""Idling: the processor time and the memory of our processes while nothing happens."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import psutil

from bench.drain import family
from bench.measure import Benchmark, Figure, Sides, Values
from bench.servers import Servers, free_port, wait_for_port, wait_for_worker

SETTLING = 10  # seconds after the start
SECONDS = 20


@contextmanager
def sides(servers: Servers) -> Iterator[Sides]:
    """An API, a worker and a bridge, as `mailtalk up` runs them."""
    with servers.tables() as (url, database), ExitStack() as stack:
        ports = {"api_port": free_port(), "smtp_port": free_port()}
        programs = [stack.enter_context(servers.mailtalk(name, url, **ports)) for name in ("api", "worker", "bridge")]
        wait_for_worker(database)
        for port in ports.values():
            wait_for_port(port)
        time.sleep(SETTLING)
        yield Sides(lambda: _idle([process for program in programs for process in family(program)]))


def _idle(processes: list[psutil.Process]) -> Values:
    start = _seconds(processes)
    time.sleep(SECONDS)
    share = (_seconds(processes) - start) / SECONDS * 100
    return {"idle-cpu": share, "idle-rss": sum(process.memory_info().rss for process in processes) / 1e6}


def _seconds(processes: list[psutil.Process]) -> float:
    return float(sum(sum(process.cpu_times()[:2]) for process in processes))


BENCHMARKS = (
    Benchmark(
        "our processes while nothing happens: percent of a core, memory",
        "-",
        [
            Figure("idle-cpu", "%", 2, "less", short="each worker asks for the due times twice a second"),
            Figure("idle-rss", "MB", 400, "less"),
        ],
        sides,
    ),
)
