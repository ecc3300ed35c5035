"""How long an extractor takes for hostile text, and how that grows: `slopes.py MODULE:FUNCTION`, on score.py's attacks.

Prints as JSON: how many attacks took over a second, the slowest, and the worst t(2n)/t(n); null is "given up".
"""

import importlib
import json
import multiprocessing
import sys
import time
from collections.abc import Callable
from pathlib import Path

SCORE = Path(__file__).resolve().parents[3] / "shared/mails"
SIZE = 1_000_000
LIMIT = 3.0  # seconds for half and whole together
SLOW = 1.0
NOTICED = 0.02  # seconds; what is faster has no slope that could be measured


def main() -> None:
    """Attack one extractor."""
    sys.path[:0] = [str(Path.cwd()), str(SCORE)]
    module, _, function = sys.argv[1].partition(":")
    extract = getattr(importlib.import_module(module), function)
    extract("hello")
    took = [seconds(extract, text) for text in importlib.import_module("score").attacks(SIZE).values()]
    known = [times for times in took if times]
    slopes = [whole / half for half, whole in known if whole > NOTICED]
    print(
        json.dumps(
            {
                "slow": sum(not times or times[1] >= SLOW for times in took),
                "of": len(took),
                "slowest": None if len(known) < len(took) else max(whole for _, whole in known),
                "slope": None if len(known) < len(took) else max(slopes, default=1.0),
            }
        )
    )


def seconds(extract: Callable[[str], str], text: str) -> tuple[float, float] | None:
    """Half of the text and the whole, in a process that is killed when it takes too long; None when it was."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=measure, args=(extract, text, theirs))
    process.start()
    theirs.close()
    try:
        return ours.recv() if ours.poll(LIMIT) else None
    except EOFError:  # it died
        return None
    finally:
        process.kill()
        process.join()


def measure(extract: Callable[[str], str], text: str, to: object) -> None:
    """In the process: the two times."""
    times = []
    for part in (text[: len(text) // 2], text):
        start = time.perf_counter()
        extract(part)
        times.append(time.perf_counter() - start)
    to.send(tuple(times))


if __name__ == "__main__":
    main()
