"""Reply extraction: the mean and the slowest of the open corpora."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.measure import Benchmark, Figure, Missing, Sides, Values
from bench.servers import Servers
from mailtalk.mail.replies.extract import extract

CASES = Path(__file__).resolve().parents[3] / "shared/mails/replies.json"


def ours() -> Values:
    """Extract the reply of each case; the best of three times of each, which is the work and not the machine."""
    times = sorted(min(_seconds(case) for _ in range(3)) for case in _cases())
    return {"replies-mean": sum(times) / len(times) * 1000, "replies-slowest": times[-1] * 1000}


@contextmanager
def sides(_servers: Servers) -> Iterator[Sides]:
    """Ours alone: the peers stand in bench/peers/replies.md."""
    if not CASES.exists():
        raise Missing(f"the mails are not at {CASES.name}")
    yield Sides(ours)


def _cases() -> list[dict[str, str]]:
    corpora: dict[str, list[dict[str, str]]] = json.loads(CASES.read_text())
    return [*corpora["plain"], *corpora["html"]]


def _seconds(case: dict[str, str]) -> float:
    start = time.perf_counter()
    extract(case.get("text"), case.get("html"))
    return time.perf_counter() - start


BENCHMARKS = (
    Benchmark(
        "reply extraction of the open corpora, milliseconds a mail",
        "see bench/peers/replies.md",
        [Figure("replies-mean", "ms", 1, "less"), Figure("replies-slowest", "ms", 10, "less")],
        sides,
    ),
)
