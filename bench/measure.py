"""One benchmark: both sides measured in alternating rounds, and each figure held against its goal."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from statistics import median
from typing import Literal, NamedTuple

from bench.servers import Servers

Values = Mapping[str, float]


class Missing(Exception):
    """What a benchmark needs is not installed; the text says what."""


@dataclass(frozen=True)
class Figure:
    """One line of the table. `goal` bounds ours / peer, or ours itself for a benchmark without a peer.

    `short`: why the goal is not reached yet, where that is known.
    """

    name: str
    unit: str
    goal: float
    better: Literal["more", "less"] = "more"
    short: str = ""

    def reached(self, value: float) -> bool:
        """Compare with the goal."""
        return value >= self.goal if self.better == "more" else value <= self.goal


class Sides(NamedTuple):
    """The two programs, started and warm; each call is one round and gives a value for each figure that it has."""

    ours: Callable[[], Values]
    peer: Callable[[], Values] | None = None


Start = Callable[[Servers], AbstractContextManager[Sides]]


@dataclass(frozen=True)
class Benchmark:
    """What is measured, beside which peer, and the context that has both programs running."""

    title: str
    peer: str
    figures: Sequence[Figure]
    sides: Start
    quick: bool = False  # steady enough for a shared machine, and short


@dataclass
class Result:
    """The rounds of one figure."""

    benchmark: Benchmark
    figure: Figure
    ours: list[float] = field(default_factory=list)
    peer: list[float] = field(default_factory=list)
    missing: str = ""

    @property
    def ratios(self) -> list[float]:
        """Ours / peer of each round; ours itself without a peer."""
        if not self.peer:
            return self.ours
        return [ours / peer if peer else float("inf") for ours, peer in zip(self.ours, self.peer, strict=True)]

    @property
    def ok(self) -> bool:
        """True if the median reaches the goal."""
        return bool(self.ours) and self.figure.reached(median(self.ratios))

    def __str__(self) -> str:
        """Format the line as `make bench` prints it."""
        if self.missing:
            return f"{self.figure.name:<28} missing: {self.missing}"
        low, high, unit = min(self.ratios), max(self.ratios), self.figure.unit
        sign = "≥" if self.figure.better == "more" else "≤"
        peer = f"peer={median(self.peer):,.6g}{unit} ratio={median(self.ratios):.2f}" if self.peer else "peer=-"
        known = f" ({self.figure.short})" if self.figure.short and not self.ok else ""
        return (
            f"{self.figure.name:<28} ours={median(self.ours):,.6g}{unit} {peer} ({low:.4g}–{high:.4g}) "  # noqa: RUF001  a range
            f"goal{sign}{self.figure.goal:g} {'ok' if self.ok else 'short'}{known}"
        )


def run(benchmark: Benchmark, servers: Servers, rounds: int, tick: Callable[[], object]) -> list[Result]:
    """Measure one benchmark; `tick` is called after each round and the warm-up."""
    results = [Result(benchmark, figure) for figure in benchmark.figures]
    try:
        with benchmark.sides(servers) as sides:
            for number, (ours, peer) in enumerate(_rounds(sides, rounds + 1)):
                if number:  # the first is the warm-up
                    _keep(results, ours, peer)
                tick()
    except Missing as missing:
        for result in results:
            result.missing = str(missing)
    return results


def _rounds(sides: Sides, count: int) -> Iterator[tuple[Values, Values | None]]:
    """Alternate who is first, so that neither always finds the machine as the other left it."""
    for number in range(count):
        if sides.peer is None:
            yield sides.ours(), None
        elif number % 2:
            peer = sides.peer()
            yield sides.ours(), peer
        else:
            yield sides.ours(), sides.peer()


def _keep(results: Sequence[Result], ours: Values, peer: Values | None) -> None:
    for result in results:
        result.ours.append(ours[result.figure.name])
        if peer is not None and result.figure.name in peer:
            result.peer.append(peer[result.figure.name])
