"""The pages in a real browser: without scripts, by keyboard alone, for who hears them, and on a phone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from support.browser import browsing, needs_browser, page
from support.cast import Cast
from support.inbox import quarantined
from support.servers import Stack
from support.sql import column, rows

from mailtalk import clock
from mailtalk.conversations import conversations
from mailtalk.inbound import quarantine
from mailtalk.keys import Keyring
from mailtalk.participation import links

pytestmark = needs_browser
AXE = Path(__file__).parents[2] / "data/axe.min.js"
CHOSEN = "SELECT notify, frequency, mute_until IS NOT NULL FROM participations WHERE app_id = :app AND user_id = 'bob'"
CHANGES = "SELECT count(*) FROM changes WHERE app_id = :app"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as browser:
        yield browser


@pytest.fixture
def cast(stack: Stack) -> Cast:
    return stack.introduce()


@pytest.fixture
def settings(stack: Stack, cast: Cast) -> str:
    """Bob's link."""
    with stack.client(cast) as http:
        http.put("/conversations/hello/participants/bob")
    with stack.database.transaction() as session:
        row = conversations.participant(session, cast.participant("bob"))
        return links.settings(Keyring.from_setting(stack.settings.require("secret_key")), stack.api, row)


def chosen(cast: Cast) -> tuple[str, str, bool]:
    (row,) = rows(cast.database, CHOSEN, app=cast.app_id)
    return tuple(row)


def tab_to(shown: Page, name: str) -> None:
    for _ in range(20):
        shown.keyboard.press("Tab")
        if shown.locator(":focus").evaluate(f"e => e.matches({name!r})"):
            return
    raise AssertionError(f"the keyboard does not come to {name}")


def test_without_scripts_a_choice_is_made_by_mouse(browser: Browser, cast: Cast, settings: str) -> None:
    with page(browser) as shown:
        shown.goto(settings)
        assert chosen(cast) == ("All", "default", False)
        shown.get_by_label("Only mentions").check()
        shown.get_by_label("Once a day").check()
        shown.get_by_label("Pause for a week").check()
        shown.get_by_role("button", name="Save").click()
        assert shown.get_by_role("status").inner_text() == "Your choice is saved."
        assert chosen(cast) == ("MentionsOnly", "daily", True)
        assert shown.get_by_label("Only mentions").is_checked()
        assert shown.get_by_label("Paused until").is_checked()
        shown.reload()
        assert column(cast.database, CHANGES, app=cast.app_id) == [2]


def test_the_keyboard_alone_is_enough(browser: Browser, cast: Cast, settings: str) -> None:
    with page(browser, scripts=True) as shown:
        shown.goto(settings)
        tab_to(shown, "[name=notify]")
        assert shown.locator(".choice:has(:focus-visible)").evaluate("e => getComputedStyle(e).outlineWidth") == "3px"
        shown.keyboard.press("ArrowDown")
        shown.keyboard.press("ArrowDown")
        tab_to(shown, "[name=frequency]")
        shown.keyboard.press("ArrowDown")
        tab_to(shown, "select")
        shown.keyboard.type("Deu")
        tab_to(shown, "button")
        shown.keyboard.press("Space")
        shown.get_by_role("status").wait_for()
        assert chosen(cast) == ("Off", "hourly", False)
        assert shown.get_by_role("heading", level=1).inner_text() == "E-Mail-Einstellungen für Hello"
        assert shown.locator("html").get_attribute("lang") == "de"


def test_who_hears_the_page_is_told_what_each_thing_is(browser: Browser, settings: str) -> None:
    with page(browser) as shown:
        shown.goto(settings + "?saved")
        heard = shown.locator("body").aria_snapshot()
    for part in (
        'heading "Email settings for Hello" [level=1]',
        "status: Your choice is saved.",
        'group "Which messages?"',
        'radio "All messages Every message" [checked]',
        'group "How often?"',
        'group "Pause"',
        'combobox "Language"',
        'button "Save"',
        "main:",
    ):
        assert part in heard


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_written_can_be_read_and_fits_a_phone(browser: Browser, cast: Cast, settings: str, scheme: str) -> None:
    rows(cast.database, "UPDATE conversations SET subject = :s WHERE app_id = :app", s="W" * 300, app=cast.app_id)
    with page(browser, scheme, scripts=True, phone=True) as shown:
        for url in (settings + "?later", settings.replace("/settings/", "/unsubscribe/"), settings + "x"):
            shown.goto(url)
            assert shown.evaluate("document.documentElement.scrollWidth") <= 360
            for text in shown.locator("h1, p, legend, b, small, label, button, a, select").all():
                assert text.evaluate(CONTRAST) >= 4.5, text.inner_text()
            for target in shown.locator(".choice, button, select").all():
                box = target.bounding_box()
                assert box is not None
                assert box["height"] >= 44


def test_to_unsubscribe_is_one_button_and_can_be_undone(browser: Browser, cast: Cast, settings: str) -> None:
    with page(browser) as shown:
        shown.goto(settings.replace("/settings/", "/unsubscribe/"))
        assert chosen(cast)[0] == "All"
        shown.get_by_role("button", name="Unsubscribe").click()
        shown.get_by_role("status").wait_for()
        assert shown.get_by_role("heading").inner_text() == "You’re unsubscribed from Hello"
        assert chosen(cast)[0] == "Off"
        shown.get_by_role("link", name="Undo").click()
        shown.get_by_label("All messages").check()
        shown.get_by_role("button", name="Save").click()
        assert chosen(cast)[0] == "All"


def test_nothing_is_loaded_from_anywhere_and_no_rule_of_the_page_is_broken(browser: Browser, settings: str) -> None:
    asked, said = [], []
    with page(browser, scripts=True) as shown:
        shown.on("request", lambda request: asked.append(request.url))
        shown.on("console", lambda message: said.append(message.text))
        shown.goto(settings)
    assert [url for url in asked if not url.endswith("/favicon.ico")] == [settings]
    assert [text for text in said if "favicon" not in text] == []


# "was this you?", and everything of the app


@pytest.fixture
def question(stack: Stack, cast: Cast) -> str:
    """Alice's link to a question, with a long address and text."""
    mail_id = int(quarantined(cast, "alice").removeprefix("mail_"))
    keep = """INSERT INTO sender_questions (mail_id, app_id, address, excerpt, asked_at)
        VALUES (:mail, :app, :address, :excerpt, now())"""
    address, excerpt = f"{'w' * 60}@{'w' * 60}.example", "W" * 300
    rows(cast.database, keep, mail=mail_id, app=cast.app_id, address=address, excerpt=excerpt)
    keyring = Keyring.from_setting(stack.settings.require("secret_key"))
    return quarantine.link(keyring, stack.api, mail_id, clock.now())


def test_a_question_is_answered_once_by_keyboard_alone(browser: Browser, cast: Cast, question: str) -> None:
    with page(browser, scripts=True) as shown:
        shown.goto(f"{question}?answer=reject")
        shown.keyboard.press("Tab")
        assert shown.locator(":focus").inner_text() == "Not me"
        shown.keyboard.press("Enter")
        shown.get_by_role("heading", name="Thanks for telling us").wait_for()
        shown.goto(question)
        assert shown.get_by_role("heading").inner_text() == "Already answered"
        assert shown.get_by_role("button").count() == 0
    outcome = column(cast.database, "SELECT outcome FROM inbound_mails WHERE app_id = :app", app=cast.app_id)
    assert outcome == ["refused"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_questions_and_lists_have_no_serious_finding_and_fit_a_phone(  # noqa: PLR0913, PLR0917  fixtures
    browser: Browser, stack: Stack, cast: Cast, settings: str, question: str, scheme: str
) -> None:
    with stack.client(cast) as http:
        http.put("/conversations/other", json={"subject": "W" * 200, "participants": ["bob"]})
    rows(cast.database, "UPDATE users SET accepted_senders = ARRAY[:long] WHERE app_id = :app", long="w" * 90 + "@x",
         app=cast.app_id)  # fmt: skip
    with page(browser, scheme, scripts=True, phone=True) as shown:
        for url in (question, settings, settings.replace("/settings/", "/unsubscribe/")):
            shown.goto(url)
            assert shown.evaluate("document.documentElement.scrollWidth") <= 360
            assert serious(shown) == []
            for text in shown.locator("h1, h2, p, b, small, button, a, figcaption, blockquote").all():
                assert text.evaluate(CONTRAST) >= 4.5, text.inner_text()


def serious(shown: Page) -> list[str]:
    """Serious findings of axe-core, which is evaluated beside the page's policy."""
    shown.evaluate(AXE.read_text("utf-8"))
    found = shown.evaluate("axe.run(document, {iframes: false, resultTypes: ['violations']})")
    return [each["id"] for each in found["violations"] if each["impact"] in {"serious", "critical"}]


CONTRAST = """e => {
    const parse = c => (c.match(/[\\d.]+/g) || []).map(Number);
    const light = c => { const [r, g, b] = parse(c).map(v => { v /= 255;
        return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
    let ground = e;
    while (ground && (parse(getComputedStyle(ground).backgroundColor)[3] === 0)) ground = ground.parentElement;
    const [a, b] = [light(getComputedStyle(e).color), light(getComputedStyle(ground || document.body).backgroundColor)];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}"""
