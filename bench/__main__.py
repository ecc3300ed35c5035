"""`make bench`: measures every line of the table, prints it, and writes bench/results/latest.json and the plots."""

import fnmatch
import sys
from collections.abc import Sequence

import click

from bench import lines, measure, results
from bench.measure import Benchmark, Result
from bench.servers import Servers


@click.command()
@click.option("--only", default="*", metavar="NAME", help="Only lines with this name; * and ? match.")
@click.option("--rounds", default=5, show_default=True, help="Alternating rounds after the warm-up.")
@click.option("--scale", default=1.0, show_default=True, help="Of the work in a round.")
def main(only: str, rounds: int, scale: float) -> None:
    """Measure Mailtalk beside its peers."""
    chosen = [benchmark for benchmark in lines.BENCHMARKS if _wanted(benchmark, only)]
    if not chosen:
        raise click.UsageError(f"no line {only!r}")
    measured = measure_all(chosen, rounds, scale)
    results.write(measured)


def measure_all(chosen: Sequence[Benchmark], rounds: int, scale: float) -> list[Result]:
    """Measure, and print each line when it is known, above a progress bar on stderr."""
    measured: list[Result] = []
    with (
        Servers() as servers,
        click.progressbar(length=len(chosen) * (rounds + 1), label="Measuring", file=sys.stderr) as bar,
    ):
        servers.scale = scale
        for benchmark in chosen:
            for result in measure.run(benchmark, servers, rounds, lambda: bar.update(1)):
                click.echo(f"\r{result}")
                measured.append(result)
    return measured


def _wanted(benchmark: Benchmark, only: str) -> bool:
    return any(fnmatch.fnmatch(figure.name, only) for figure in benchmark.figures)


if __name__ == "__main__":
    main()
