"""The log: as text or as JSON, from the level that the settings say, each event on one line."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from api.request_id import request_id
from cli import logs
from mailtalk.settings.load import Settings


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """What a test sets is undone: handlers and levels are the process's."""
    root, levels = logging.getLogger(), {name: logging.getLogger(name).level for name in logs.OURS}
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    for name, number in levels.items():
        logging.getLogger(name).setLevel(number)


def settings(**values: Any) -> Settings:
    return Settings(secret_key="k" * 32, **values)


def test_json_has_all_of_an_event_in_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    logs.setup(settings(log_format="json"))
    token = request_id.set("r-1")
    logging.getLogger("worker.jobs").error("failed: %s", "x\ny", exc_info=ValueError("one\ntwo"))
    request_id.reset(token)
    (line,) = capfd.readouterr().err.splitlines()
    event = json.loads(line)
    assert (event["level"], event["logger"], event["message"]) == ("error", "worker.jobs", "failed: x\ny")
    assert event["requestId"] == "r-1"
    assert "ValueError: one\ntwo" in event["error"]
    assert event["time"].endswith("+00:00")


def test_text_names_the_request(capfd: pytest.CaptureFixture[str]) -> None:
    logs.setup(settings())
    token = request_id.set("r-2")
    logging.getLogger("api.intake").warning("late")
    request_id.reset(token)
    logging.getLogger("api.intake").warning("later")
    first, second = capfd.readouterr().err.splitlines()
    assert first.endswith("WARNING api.intake: late (request r-2)")
    assert second.endswith("WARNING api.intake: later")


@pytest.mark.parametrize(("level", "seen"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_the_level_is_that_of_our_own_code(level: str, seen: int, capfd: pytest.CaptureFixture[str]) -> None:
    logs.setup(settings(log_level=level))
    for write in ("debug", "info", "warning", "error"):
        getattr(logging.getLogger("mailtalk.outbound.relay"), write)("hello")
        getattr(logging.getLogger("celery.worker"), write)("hello")
    lines = capfd.readouterr().err.splitlines()
    assert sum(" mailtalk.outbound.relay: " in line for line in lines) == seen
    assert sum(" celery.worker: " in line for line in lines) == min(seen, 2)


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("value", ["a\r\nb", "\x1b[31mred", "\u2028", "\x85", "\x00", "a\nWARNING api: forged"])
def test_an_event_is_one_line_whatever_it_holds(form: str, value: str, capfd: pytest.CaptureFixture[str]) -> None:
    logs.setup(settings(log_format=form))
    logging.getLogger("api.intake").warning("%s", value)
    written = capfd.readouterr().err
    assert written.removesuffix("\n").isprintable()
