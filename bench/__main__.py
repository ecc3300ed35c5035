"""`make bench`: measures every line of the table, prints it, and writes bench/results/latest.json and the plots."""

import fnmatch
import signal
import sys

import click

from bench import gate, lines, plots, results
from bench.measure import Benchmark
from bench.run import measure_all


@click.command()
@click.option("--only", default="*", metavar="NAME", help="Only lines with this name; * and ? match.")
@click.option("--rounds", default=5, show_default=True, help="Alternating rounds after the warm-up.")
@click.option("--scale", default=1.0, show_default=True, help="Of the work in a round.")
@click.option("--quick", is_flag=True, help="Steady lines only, short; fail when one misses half of its goal.")
@click.option("--grown", default=0, metavar="CONVERSATIONS", help="Ours beside itself, in a database that has grown.")
def main(only: str, rounds: int, scale: float, grown: int, *, quick: bool) -> None:
    """Measure Mailtalk beside its peers."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # all that was started is stopped then too
    if quick:
        sys.exit(0 if gate.passes() else 1)
    chosen = [benchmark for benchmark in lines.BENCHMARKS if _wanted(benchmark, only)]
    if not chosen:
        raise click.UsageError(f"no line {only!r}")
    measured = measure_all(chosen, rounds, scale, grown)
    results.write(measured)
    plots.write(results.LATEST)


def _wanted(benchmark: Benchmark, only: str) -> bool:
    return any(fnmatch.fnmatch(figure.name, only) for figure in benchmark.figures)


if __name__ == "__main__":
    main()
