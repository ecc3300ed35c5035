"""The documentation site, built from the documents and the code, served by the API and read in a browser."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, TimeoutError, expect  # noqa: A004
from starlette.applications import Starlette
from support.browser import browsing, needs_browser, page
from support.cast import Cast
from support.servers import Stack, serving_app

from api import handbook

ROOT = Path(__file__).parents[2]
PATIENCE = 60_000  # milliseconds
QUIET = {"NO_MKDOCS_2_WARNING": "1"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built strictly: a broken link or anchor fails."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", folder]
    done = subprocess.run(command, cwd=ROOT, env=QUIET, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return folder


@pytest.fixture(scope="module")
def served(site: Path) -> Iterator[str]:
    with serving_app(Starlette(routes=handbook.routes(site))) as url:
        yield url


def test_every_document_is_in_the_menu(site: Path) -> None:
    menu = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    documents = {path.relative_to(ROOT / "docs").as_posix() for path in ROOT.glob("docs/**/*.md")}
    assert {name for name in documents if name not in menu} == set()
    assert (site / "tutorial.html").exists()


def test_the_reference_is_made_from_the_code(site: Path) -> None:
    words = {
        "settings": "MAILTALK_SMTP_PORT",
        "cli": "mailtalk inbound release",
        "events": "participant.joined",
        "errors": "PARTICIPANT_LIMIT",
        "api": "/v1/{appId}/users",
    }
    for name, word in words.items():
        assert word in (site / f"reference/{name}.html").read_text(encoding="utf-8"), name


def test_pages_load_nothing_from_elsewhere(site: Path) -> None:
    for path in site.glob("**/*.html"):
        loaded = re.findall(r"<(?:script|img|iframe)[^>]+src=\"?(https?:[^\" >]+)", path.read_text(encoding="utf-8"))
        loaded += re.findall(r"<link[^>]+stylesheet[^>]+href=\"?(https?:[^\" >]+)", path.read_text(encoding="utf-8"))
        assert loaded == [], path.name


def test_docs_lead_to_the_first_page_whose_scripts_are_named(served: str) -> None:
    start = httpx.get(f"{served}/docs", follow_redirects=True)
    assert start.url.path == "/docs/index.html"
    policy = start.headers["Content-Security-Policy"]
    assert "script-src 'self' 'sha256-" in policy
    assert "unsafe-inline" not in policy.partition("script-src")[2].partition(";")[0]
    assert httpx.get(f"{served}/docs/assets/images/favicon.png").headers["X-Content-Type-Options"] == "nosniff"
    assert httpx.get(f"{served}/docs/no-such-page.html").status_code == 404
    assert httpx.get(f"{served}/docs/..%2fhandbook.py").status_code == 404


def test_without_a_site_docs_lead_to_the_description(tmp_path: Path) -> None:
    with serving_app(Starlette(routes=handbook.routes(tmp_path))) as url:
        answer = httpx.get(f"{url}/docs")
    assert (answer.status_code, answer.headers["Location"]) == (307, "/docs/api")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as browser:
        yield browser


@needs_browser
def test_a_page_shows_no_error_and_is_searched(browser: Browser, served: str) -> None:
    with page(browser, scripts=True) as shown:
        errors: list[str] = []
        shown.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        result = shown.locator(".md-search-result__link").first
        for _ in range(6):  # its index, made in a web worker, now and then does not answer the first visit
            shown.goto(f"{served}/docs")
            shown.get_by_role("textbox", name="Search").fill("quarantine")
            with suppress(TimeoutError):
                result.wait_for(timeout=10_000)
                break
        expect(result).to_be_visible(timeout=PATIENCE)
        assert errors == []


@pytest.fixture
def cast(stack: Stack) -> Cast:
    return stack.introduce()


@needs_browser
def test_an_operation_is_tried_in_the_page(browser: Browser, stack: Stack, http: httpx.Client, cast: Cast) -> None:
    http.put("/users/alice", json={"name": "Alice"})
    with page(browser, scripts=True) as shown:
        shown.goto(f"{stack.api}/docs/api")
        shown.get_by_label("Secret for Try it").fill(cast.secret)
        operation = shown.locator("#getUser")
        operation.get_by_text("Try it").click()
        operation.get_by_label("appId").fill(cast.app_id)
        operation.get_by_label("userId").fill("alice")
        operation.get_by_role("button", name="Send").click()
        expect(operation.locator("output")).to_contain_text('"name": "Alice"', timeout=PATIENCE)
        assert operation.locator("output").inner_text().startswith("200")
