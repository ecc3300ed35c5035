"""Crash points: the three walks with a process ended at every boundary, and at every pair of boundaries.

`make crashpoints` runs all; else a sample, by the seed of the run, which is printed and may be given as FORCE_SEED.
"""

import os
import random
import threading
import time
from collections.abc import Iterator
from itertools import count, permutations
from pathlib import Path

import pytest
from pydantic import SecretStr
from stacks import ForkedStack, forked
from support.cast import Cast
from support.crash_points import Switch
from support.smtp_sink import Sink, sinking
from support.waiting import until
from walks import WALKS, prepare

from mailtalk.settings.load import Settings

ALL = "CRASH_PAIR_SECONDS" in os.environ
PAIR_SECONDS = float(os.environ.get("CRASH_PAIR_SECONDS", "10"))
SINGLES = 10_000 if ALL else 6
SEED = int(os.environ.get("FORCE_SEED", random.SystemRandom().randrange(10**6)))
PATIENCE = 120.0  # seconds in which all must be quiet again, on a busy machine
NAMES = (f"walk-{number}" for number in count(1))


class Report:
    """What was found."""

    def __init__(self) -> None:
        self.violations: list[str] = []
        self.late = 0.0
        self.unreached = 0


@pytest.fixture
def sink() -> Iterator[Sink]:
    with sinking() as sink:
        sink.extensions = ("PIPELINING",)
        yield sink


@pytest.fixture
def switch(tmp_path: Path) -> Switch:
    return Switch(tmp_path / "crash-points")


@pytest.fixture
def stack(cast: Cast, settings: Settings, sink: Sink, tmp_path: Path, switch: Switch) -> Iterator[ForkedStack]:
    settings = settings.model_copy(update={"relay_url": SecretStr(sink.url)})
    with forked(settings, sink, cast, tmp_path, switch=tmp_path / "crash-points") as stack:
        yield stack


@pytest.mark.timeout(3600 if ALL else 600)
def test_every_crash_point_and_pair(stack: ForkedStack, switch: Switch, capsys: pytest.CaptureFixture[str]) -> None:
    report, rng = Report(), random.Random(SEED)
    points = {walk: boundaries(stack, switch, walk, report) for walk in WALKS}
    singles = [(walk, (point,)) for walk, reached in points.items() for point in reached]
    pairs = [(walk, pair) for walk, reached in points.items() for pair in permutations(reached, 2)]
    rng.shuffle(singles)
    rng.shuffle(pairs)
    for walk, crashes in singles[:SINGLES]:
        take(stack, switch, walk, crashes, report)
    done, end = 0, time.monotonic() + PAIR_SECONDS
    while done < len(pairs) and time.monotonic() < end:
        take(stack, switch, *pairs[done], report)
        done += 1
    told = (
        f"points={len(singles)} singles={min(SINGLES, len(singles))} pairs={done} (of {len(pairs)}) "
        f"violations={len(report.violations)} late={report.late:.1f}s seed={SEED}"
    )
    with capsys.disabled():
        print(f"\n{told}", *report.violations, sep="\n")  # noqa: T201  make crashpoints shows it
    assert report.violations == []


def boundaries(stack: ForkedStack, switch: Switch, walk: str, report: Report) -> list[str]:
    """Boundaries that a walk reaches, without those that are reached while nothing happens."""
    switch.record(True)
    threading.Event().wait(3)
    idle = switch.reached()
    for _ in range(2):
        take(stack, switch, walk, (), report)
    switch.record(False)
    reached = switch.reached() - idle
    switch.forget()
    return sorted(reached)


def take(stack: ForkedStack, switch: Switch, walk: str, crashes: tuple[str, ...], report: Report) -> None:
    """Take a walk while processes end at these boundaries, one after the other; then look what came of it."""
    name, began = next(NAMES), time.monotonic()
    prepare(stack, name)
    switch.arm(*crashes)
    lines = WALKS[walk](stack, name)
    while next(lines) != "acknowledged":
        assert time.monotonic() < began + PATIENCE, f"{walk} with {crashes} is not acknowledged"
        threading.Event().wait(0.02)
    until(stack.is_quiet, PATIENCE)
    report.late = max(report.late, time.monotonic() - began)
    report.unreached += bool(switch.armed)
    switch.arm()
    report.violations += [f"{walk}, {' then '.join(crashes)}: {line}" for line in lines]
