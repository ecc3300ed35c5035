"""Fuzz one target for some seconds: by atheris, guided by coverage, where it is installed; else by hypothesis.

Usage: run.py TARGET SECONDS. What breaks is printed with its input; make a test of it.
"""

import sys
import time
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
LONGEST = 20_000  # bytes
SEEDS = {  # where coverage begins, beside the mails of the tests
    "json": (
        b'{"a": {"custom": [], "name": "x", "email": ["a@x.example"]}, "b": []}',
        b'[{"type": "UserMessage", "sender": "a", "text": "\\u0000", "custom": {"k": "v"}, "idempotencyKey": "1"}]',
        b'{"access": "ReadWrite", "notify": "MentionsOnly", "muteUntil": 1, "participants": ["a"], "subject": null}',
    ),
}


def main(name: str, seconds: int) -> None:
    """Fuzz."""
    if find_spec("atheris"):
        _by_coverage(name, seconds)
    else:
        _by_hypothesis(name, seconds)


def _by_coverage(name: str, seconds: int) -> None:
    import atheris  # type: ignore[import-not-found]  # noqa: PLC0415  it is not everywhere

    with atheris.instrument_imports(include=["mailtalk", "api", "fuzz"]):
        from fuzz.targets import TARGETS  # noqa: PLC0415  instrumented as it is imported

    corpus = [str(path) for path in [Path(__file__).parents[1] / "mails"] if path.is_dir() and name == "mime"]
    atheris.Setup(
        [sys.argv[0], f"-max_total_time={seconds}", f"-max_len={LONGEST}", *_scratch(name), *corpus], TARGETS[name]
    )
    atheris.Fuzz()


def _scratch(name: str) -> list[str]:
    directory = Path(".hypothesis/fuzz") / name
    directory.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS.get(name, ())):
        (directory / f"seed-{number}").write_bytes(seed)
    return [f"-artifact_prefix={directory}/", str(directory)]


def _by_hypothesis(name: str, seconds: int) -> None:
    from fuzz.inputs import INPUTS  # noqa: PLC0415  beside the other way
    from fuzz.targets import TARGETS  # noqa: PLC0415  the same
    from hypothesis import HealthCheck, given, settings  # noqa: PLC0415  the same

    runs, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        settings(max_examples=1_000, deadline=None, suppress_health_check=list(HealthCheck))(
            given(INPUTS[name])(TARGETS[name])
        )()
        runs += 1_000
    print(f"{name}: {runs} inputs by hypothesis, nothing broke")  # noqa: T201  a program


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
