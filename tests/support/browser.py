"""A real browser, headless: only this machine's own, and only what the test serves."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
OPTIONS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
PHONE = {"width": 360, "height": 740}

PATIENCE = 60_000  # milliseconds, for a machine that has other things to do; only a test that fails waits so long
expect.set_options(timeout=PATIENCE)

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed")


@contextmanager
def browsing() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        browser.close()


@contextmanager
def page(browser: Browser, scheme: str = "light", *, scripts: bool = False, phone: bool = False) -> Iterator[Page]:
    """A page of its own, without scripts unless they are asked for."""
    context = browser.new_context(
        java_script_enabled=scripts,
        color_scheme=scheme,  # type: ignore[arg-type]
        viewport=PHONE if phone else {"width": 900, "height": 1000},  # type: ignore[arg-type]
        locale="en-GB",
    )
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()
