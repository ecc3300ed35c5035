"""Attacks as texts, in every place that the console shows: none runs, none is an element, none loads anything."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, urljoin

import pytest
from playwright.sync_api import Browser, Page, Route
from support.browser import needs_browser, page
from support.cast import Cast
from support.hostile_world import MANY_IN_ONE, TEXTS, HostileWorld
from support.servers import Stack

from mailtalk.keys import Keyring
from tests.console.conftest import OPERATOR, log_in

pytestmark = [needs_browser, pytest.mark.timeout(300)]
# Elements and attributes that no template of the console has in its main part.
STRANGE = """[...document.querySelectorAll('main *')].filter(e => e.matches(
    'script, img, object, embed, link, meta, base, style, math, video, audio, iframe:not(.frame), svg:not(.chart), ' +
    'form:not([method=post]):not([role=search]), a[href^="javascript:" i], a[href^="data:" i], a[href^="vbscript:" i]')
    || [...e.attributes].some(a => a.name.startsWith('on') || a.name.includes('hx-') && e.id !== 'live'))
    .map(e => e.outerHTML.slice(0, 200))"""
OLDER = "main a.button:text-matches('^(Older|More)')"
RAN = "Ignored call to"  # what Chromium says of an alert in a sandbox that lets scripts run
# Frames of these addresses, with or without the attribute: the header alone must do.
FRAMES = """([paths, sandbox]) => Promise.all(paths.map(path => new Promise(done => {
    const frame = document.createElement('iframe');
    if (sandbox) frame.setAttribute('sandbox', '');
    frame.onload = done;
    frame.src = path;
    document.body.append(frame);
})))"""


@dataclass
class Witness:
    """What a page did that it must not do."""

    dialogs: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def world(stack: Stack) -> HostileWorld:
    keyring = Keyring.from_setting(stack.settings.require("secret_key"))
    return HostileWorld.fill(stack.introduce(), keyring)


@pytest.fixture
def witness() -> Witness:
    return Witness()


@pytest.fixture
def watched(browser: Browser, stack: Stack, witness: Witness) -> Iterator[Page]:
    """A page of an operator; what it does is noted."""
    with page(browser, scripts=True) as watched:

        def note(route: Route) -> None:
            witness.foreign.append(route.request.url)
            route.abort()

        watched.on("dialog", lambda dialog: (witness.dialogs.append(dialog.message), dialog.dismiss()))
        watched.on("console", lambda message: witness.said.append(message.text))
        watched.on("pageerror", lambda error: witness.said.append(str(error)))
        watched.context.route(lambda url: not url.startswith((stack.api, "data:")), note)
        log_in(watched, stack, OPERATOR)
        witness.said.clear()
        yield watched


def paths(cast: Cast) -> list[str]:
    app, webhook = f"/console/apps/{cast.app_id}", quote(TEXTS[0], safe="")
    names = ("conversations", "conversations/hall-1", "conversations/hall-2", "mails", "mails?show=trouble", "mailbox")
    more = ("quarantine", "suppressions", "webhooks", f"webhooks/{webhook}", "changes", "style", "settings")
    why = ("why?q=alert", "why?user=u1", "why?user=u1&conversation=hall-1")
    searches = [f"conversations?q={quote(text)}" for text in TEXTS[::20]]
    return [*(f"{app}/{name}" for name in (*names, *more, *why, *searches)), "/console/queues", "/console/audit"]


def test_an_attack_is_shown_as_the_text_that_it_is(
    watched: Page, stack: Stack, world: HostileWorld, witness: Witness
) -> None:
    for path in paths(world.cast):
        shown = visit(watched, stack.api + path, witness)
        assert "alert(1)" in shown, path
    assert witness == Witness()


def visit(watched: Page, url: str, witness: Witness) -> str:
    """The text of a page, and of those that follow it."""
    answer = watched.goto(url)
    assert answer is not None
    assert answer.status == 200, url
    assert watched.evaluate(STRANGE) == [], url
    assert watched.evaluate("window.hit") is None, url
    assert (witness.dialogs, witness.foreign) == ([], []), url
    text = watched.locator("main").inner_text()
    older = watched.locator(OLDER)
    return text + (visit(watched, urljoin(url, older.get_attribute("href")), witness) if older.count() else "")


def test_an_attack_in_a_mail_is_shown_as_text_beside_its_frame(
    watched: Page, stack: Stack, world: HostileWorld, witness: Witness
) -> None:
    for path in world.paths(MANY_IN_ONE):
        assert "alert(1)" in visit(watched, stack.api + path, witness)
        watched.get_by_role("button", name="Show them").click()
        watched.get_by_text("are masked").wait_for(state="detached")
        assert watched.evaluate(STRANGE) == [], path
    assert (witness.dialogs, witness.foreign) == ([], [])


def test_the_attacks_are_real(browser: Browser, witness: Witness) -> None:
    with page(browser, scripts=True) as watched:
        watched.on("dialog", lambda dialog: (witness.dialogs.append(dialog.message), dialog.dismiss()))
        for text in TEXTS[:40]:
            watched.set_content(text, wait_until="domcontentloaded")
    assert len(witness.dialogs) > 10


@pytest.mark.parametrize("step", [4, pytest.param(1, marks=pytest.mark.long)])
@pytest.mark.parametrize("sandbox", [True, False])
def test_the_html_of_a_hostile_mail_runs_and_loads_nothing(  # noqa: PLR0913  two questions of one world
    watched: Page, stack: Stack, world: HostileWorld, witness: Witness, *, sandbox: bool, step: int
) -> None:
    watched.goto(f"{stack.api}/console/apps/{world.cast.app_id}/settings")
    for some in _parts([f"{stack.api}{path}/html" for path in world.paths(step)], 60):
        watched.evaluate(FRAMES, [some, sandbox])
        assert (witness.dialogs, witness.foreign) == ([], [])
        assert [text for text in witness.said if RAN in text] == []
        assert {frame.url for frame in watched.frames} >= set(some)
        watched.evaluate("document.querySelectorAll('body > iframe').forEach(frame => frame.remove())")


def _parts(paths: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(paths), size):
        yield paths[start : start + size]
