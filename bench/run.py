"""A run: benchmarks one after the other on one pair of servers, each line printed when it is known."""

import sys
from collections.abc import Sequence

import click

from bench import measure
from bench.grow import beside_empty, grow
from bench.measure import Benchmark, Result
from bench.servers import Servers


def measure_all(chosen: Sequence[Benchmark], rounds: int, scale: float, conversations: int = 0) -> list[Result]:
    """Measure, and print each line when it is known, above a progress bar on stderr.

    With `conversations` ours beside itself: in a database that has grown so far, and in an empty one.
    """
    measured: list[Result] = []
    with Servers() as servers:
        servers.scale = scale
        if conversations:
            template = grow(servers, conversations)
            chosen = [beside_empty(benchmark, template) for benchmark in chosen]
        with click.progressbar(length=len(chosen) * (rounds + 1), label="Measuring", file=sys.stderr) as bar:
            for benchmark in chosen:
                for result in measure.run(benchmark, servers, rounds, lambda: bar.update(1)):
                    click.echo(f"\r{result}")
                    measured.append(result)
    return measured
