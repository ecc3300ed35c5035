"""Crash points: the three walks with a process ended at every boundary, and at pairs of boundaries.

`make crashpoints` takes every single one, then pairs for a time, over several stacks at once; else a sample is taken.
The order is of the seed of the run, which is printed and may be given as FORCE_SEED.
"""

import os
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count, permutations
from pathlib import Path
from typing import NamedTuple

import pytest
from stacks import ForkedStack, forked
from support.cast import Cast
from support.crash_points import Switch
from support.servers import Copied, make_settings
from support.smtp_sink import sinking
from walks import KEYRING, WALKS, prepare

from cli.local.embedded import Valkey
from mailtalk.db.database import Database

ALL = "CRASH_PAIR_SECONDS" in os.environ
PAIR_SECONDS = float(os.environ.get("CRASH_PAIR_SECONDS", "10"))
SINGLES, TRACKS = (10_000, 4) if ALL else (6, 1)
SEED = int(os.environ.get("FORCE_SEED", random.SystemRandom().randrange(10**6)))
IDLE = 3.0  # seconds in which every sweep looks once
PATIENCE = 120.0  # seconds in which all must be quiet again, on a busy machine
PAUSE = 0.03  # seconds between two looks
Crashes = tuple[str, tuple[str, ...]]  # a walk, and the boundaries at which processes end in it


@dataclass
class Report:
    """What was found."""

    violations: list[str] = field(default_factory=list)
    late: float = 0.0
    unreached: int = 0

    def __str__(self) -> str:
        return f"violations={len(self.violations)} unreached={self.unreached} late={self.late:.1f}s"


class Track(NamedTuple):
    """A stack with its switch, over which one walk at a time is taken."""

    stack: ForkedStack
    switch: Switch
    names: Iterator[int]


@contextmanager
def track(directory: Path, copied: Copied, broker: str) -> Iterator[Track]:
    """A track with a database, a broker's database and a relay of its own."""
    directory.mkdir()
    path = directory / "crash-points"
    with copied() as url, closing(Database(url)) as database, sinking() as sink:
        sink.extensions = ("PIPELINING",)
        cast = Cast.introduce(database, KEYRING)
        settings = make_settings(database_url=url, redis_url=broker, relay_url=sink.url)
        switch = Switch(path)
        with forked(settings, sink, cast, directory, switch=path) as stack:
            yield Track(stack, switch, count(1))


@pytest.fixture
def tracks(copied: Copied, valkey: Valkey, tmp_path: Path) -> Iterator[Sequence[Track]]:
    broker = valkey.url.rpartition("/")[0]
    with ExitStack() as opened:
        yield [
            opened.enter_context(track(tmp_path / str(number), copied, f"{broker}/{number}"))
            for number in range(TRACKS)
        ]


@pytest.mark.timeout(3600 if ALL else 600)
def test_every_crash_point_and_pair(tracks: Sequence[Track], capsys: pytest.CaptureFixture[str]) -> None:
    report, rng = Report(), random.Random(SEED)
    points = boundaries(tracks[0], report)
    singles = [(walk, (point,)) for walk, reached in points.items() for point in reached]
    pairs = [(walk, pair) for walk, reached in points.items() for pair in permutations(reached, 2)]
    rng.shuffle(singles)
    rng.shuffle(pairs)
    began = time.monotonic()
    taken = take_all(tracks, singles[:SINGLES], report), take_all(tracks, pairs, report, PAIR_SECONDS)
    told = f"points={len(singles)} singles={taken[0]} pairs={taken[1]} of {len(pairs)} {report}"
    seconds = time.monotonic() - began
    with capsys.disabled():
        print(f"\n{told} seconds={seconds:.0f} seed={SEED}", *report.violations, sep="\n")  # noqa: T201  make crashpoints shows it
    assert report.violations == []


def boundaries(track: Track, report: Report) -> dict[str, list[str]]:
    """Boundaries that each walk reaches, without those that are reached while nothing happens."""
    idle = recorded(track, lambda: threading.Event().wait(IDLE))
    twice = {walk: partial(walked_twice, track, walk, report) for walk in WALKS}
    return {walk: sorted(recorded(track, twice[walk]) - idle) for walk in WALKS}


def recorded(track: Track, do: Callable[[], object]) -> set[str]:
    """Boundaries that are reached meanwhile."""
    track.switch.record(True)
    do()
    track.switch.record(False)
    reached = track.switch.reached()
    track.switch.forget()
    return reached


def walked_twice(track: Track, walk: str, report: Report) -> None:
    """Take a walk twice, with no crash."""
    for _ in range(2):
        take(track, (walk, ()), report)


def take_all(tracks: Sequence[Track], crashes: Sequence[Crashes], report: Report, seconds: float = 3600) -> int:
    """Take walks over all tracks at once, for so many seconds at most; returns how many."""
    waiting, end = deque(crashes), time.monotonic() + seconds

    def work(track: Track) -> None:
        with suppress(IndexError):
            while time.monotonic() < end:
                take(track, waiting.popleft(), report)

    with ThreadPoolExecutor(len(tracks)) as threads:
        list(threads.map(work, tracks))
    return len(crashes) - len(waiting)


def take(track: Track, crashes: Crashes, report: Report) -> None:
    """Take a walk while processes end at these boundaries, one after the other; then look what came of it."""
    (stack, switch, names), (walk, points) = track, crashes
    name, began = f"walk-{next(names)}", time.monotonic()
    prepare(stack, name)
    switch.arm(*points)
    lines = WALKS[walk](stack, name)
    patiently(lambda: next(lines) == "acknowledged", f"{walk} with {points} is not acknowledged")
    patiently(stack.is_quiet, f"{walk} with {points} does not become quiet")
    report.late = max(report.late, time.monotonic() - began)
    report.unreached += bool(switch.armed)
    switch.arm()
    report.violations += [f"{walk}, {' then '.join(points)}: {line}" for line in lines]


def patiently(look: Callable[[], bool], failure: str) -> None:
    """Look again until it is so."""
    deadline = time.monotonic() + PATIENCE
    while not look():
        assert time.monotonic() < deadline, failure
        threading.Event().wait(PAUSE)
