"""The pages while the database is away or hangs: who came by a link reads a page, soon, and is not told why."""

import socket
from uuid import uuid4

import httpx
import pytest
from support.servers import make_settings, serving

from api.pages import words
from mailtalk import clock
from mailtalk.db import group_commit
from mailtalk.inbound import quarantine
from mailtalk.keys import Keyring
from mailtalk.participation import links

pytestmark = pytest.mark.timeout(90)
PATIENCE = 20  # seconds
GERMAN = {"Accept-Language": "de"}


def assert_trouble(database_url: str) -> None:
    """Every page answers 503 in the browser's language, to a form too."""
    settings = make_settings(database_url=database_url, redis_url="redis://127.0.0.1:1")
    with serving(settings) as url, httpx.Client(base_url=url, timeout=PATIENCE, headers=GERMAN) as web:
        answers = [web.request(method, path) for path in paths() for method in ("GET", "POST")]
    for answer in answers:
        assert (answer.status_code, answer.headers["content-language"]) == (503, "de")
        assert answer.headers["retry-after"]
        assert words.TEXTS["de"]["trouble_title"] in answer.text
        assert "database" not in answer.text


def paths() -> list[str]:
    """Links as we mail them: signed, so that the database is asked."""
    keyring = Keyring.from_setting("k" * 32)
    token = links.token(keyring, uuid4())
    return [links.SETTINGS + token, links.UNSUBSCRIBE + token, quarantine.link(keyring, "", 1, clock.now())]


def test_without_a_database_every_page_says_try_again() -> None:
    assert_trouble("postgresql://127.0.0.1:1/none")


def test_a_database_that_hangs_costs_a_page_no_more_than_its_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit.in_time, "__defaults__", (0.3,))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert_trouble(f"postgresql://127.0.0.1:{silent.getsockname()[1]}/none")
