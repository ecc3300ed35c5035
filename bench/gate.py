"""`make bench-quick`: fails when a steady line falls below half of its goal in two of three tries."""

import click

from bench import lines
from bench.measure import Benchmark, Result
from bench.run import measure_all

SCALE = 0.1
TRIES = 3
FAILURES = 2


def passes() -> bool:
    """Measure the quick lines, those that missed again; False if one missed twice."""
    missed: dict[str, int] = {}
    benchmarks = [benchmark for benchmark in lines.BENCHMARKS if benchmark.quick]
    for _ in range(TRIES):
        failed = [result for result in measure_all(benchmarks, 1, SCALE) if not _is_half_reached(result)]
        for result in failed:
            missed[result.figure.name] = missed.get(result.figure.name, 0) + 1
        benchmarks = _again(failed)
        if not benchmarks:
            break
    slow = [name for name, count in missed.items() if count >= FAILURES]
    click.echo(f"below half of the goal: {', '.join(slow)}" if slow else "every quick line reaches half of its goal")
    return not slow


def _again(failed: list[Result]) -> list[Benchmark]:
    return list({id(result.benchmark): result.benchmark for result in failed}.values())


def _is_half_reached(result: Result) -> bool:
    if result.missing:
        return True
    low = result.figure.better == "more"
    return all(ratio >= result.figure.goal / 2 if low else ratio <= result.figure.goal * 2 for ratio in result.ratios)
