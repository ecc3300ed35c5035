"""The console as people use it: the module's stack, a browser, and logins of each kind."""

import re
from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest
from playwright.sync_api import Browser, Page
from support.browser import browsing, page
from support.cast import Cast
from support.servers import Copied, Stack, make_settings, serving, working

from cli.local.embedded import Valkey
from mailtalk.db.database import Database

OPERATOR, READER = "an operator's password", "a reader's password"


@pytest.fixture(scope="module")
def stack(copied: Copied, valkey: Valkey) -> Iterator[Stack]:
    with copied() as url:
        settings = make_settings(
            database_url=url,
            redis_url=valkey.url,
            console_password=OPERATOR,
            console_reader_password=READER,
        )
        with serving(settings) as api, working(settings), closing(Database(url)) as database:
            yield Stack(api, settings, database)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as browser:
        yield browser


@pytest.fixture
def cast(stack: Stack) -> Cast:
    """Alice, Bob and Carol in a conversation."""
    cast = stack.introduce()
    cast.join("alice", "bob", "carol")
    return cast


@pytest.fixture
def shown(browser: Browser, stack: Stack, cast: Cast) -> Iterator[Page]:
    """A page of somebody who logged in with the app's secret."""
    with page(browser, scripts=True) as shown:
        log_in(shown, stack, cast.secret)
        yield shown


@pytest.fixture
def program(stack: Stack) -> Iterator[httpx.Client]:
    """A client without a browser's help."""
    with httpx.Client(base_url=stack.api, timeout=60) as program:
        yield program


def log_in(shown: Page, stack: Stack, credential: str) -> None:
    shown.goto(f"{stack.api}/console/login")
    shown.get_by_label("Password").fill(credential)
    shown.get_by_role("button", name="Log in").click()
    shown.get_by_role("button", name="Log out").wait_for()


def enter(program: httpx.Client, credential: str) -> None:
    """Log a program in; its cookie jar keeps the login."""
    assert program.post("/console/login", data={"credential": credential}).status_code == 303


def token(html: str) -> str:
    """The token of a page's forms."""
    match = re.search(r'name="form_token" value="([^"]+)"', html)
    assert match
    return match[1]
