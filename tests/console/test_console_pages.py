"""Every page of the console, light, dark and on a phone: it fits, can be read and operated, and runs nothing."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from support.browser import needs_browser, page
from support.cast import Cast
from support.servers import Stack
from support.sql import column, rows, subscribe
from support.waiting import until

from tests.console.conftest import OPERATOR, log_in

pytestmark = needs_browser
AXE = Path(__file__).parents[1] / "data/axe.min.js"
HEAVIEST = 150_000  # bytes of a page with all that it loads
HOSTILE = (
    "<script>window.hit=1</script>",
    '"><img src=x onerror="window.hit=1">',
    "<svg onload=window.hit=1>",
    "javascript:window.hit=1",
    "' autofocus onfocus='window.hit=1",
    "</textarea><script>window.hit=1</script>",
    '<a hx-get="/" hx-trigger="load" hx-on::load="window.hit=1">x</a>',
    "{{ 7 * 7 }}${7*7}",
)
MAILS = "SELECT id FROM deliveries WHERE app_id = :app"
CAME = """INSERT INTO inbound_mails (app_id, conversation_id, user_id, purpose, outcome, verdict, reason, received_at)
    VALUES (:app, 'hello', 'bob', 'reply', 'quarantined', 'sender', 'no-match', now()) RETURNING id"""
OPEN = "document.querySelectorAll('details').forEach(details => { details.open = true; })"
RENAME = "UPDATE users SET name = :name || ' ' || id WHERE app_id = :app"


@pytest.fixture
def hostile(stack: Stack, cast: Cast) -> Cast:
    """A conversation in which every text that people choose is an attack."""
    rows(cast.database, RENAME, name=HOSTILE[1], app=cast.app_id)
    rows(
        cast.database,
        "UPDATE conversations SET subject = :subject WHERE app_id = :app",
        subject=HOSTILE[0],
        app=cast.app_id,
    )
    rows(cast.database, "UPDATE apps SET name = :name WHERE id = :app", name=HOSTILE[2], app=cast.app_id)
    subscribe(cast.database, cast.app_id)
    cast.say("alice", *HOSTILE)
    until(lambda: len(column(cast.database, MAILS, app=cast.app_id)) >= 2)
    return cast


def paths(cast: Cast) -> list[str]:
    mail_id = column(cast.database, MAILS, app=cast.app_id)[0]
    (came_id,) = column(cast.database, CAME, app=cast.app_id)
    app = f"/console/apps/{cast.app_id}"
    names = ("conversations", "conversations/hello", "mails", f"mails/out/{mail_id}", "mailbox", "why?q=a", "changes")
    more = ("why?user=bob", "why?user=bob&conversation=hello", "quarantine", "suppressions", "webhooks")
    rest = ("webhooks/test", "style", "settings", f"mails/in/{came_id}")
    return [
        *(f"{app}/{name}" for name in (*names, *more, *rest)),
        "/console/queues?period=day",
        "/console/audit",
        "/console/apps",
    ]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_a_phone_and_has_no_serious_fault(
    browser: Browser, stack: Stack, hostile: Cast, scheme: str
) -> None:
    said: list[str] = []
    with page(browser, scheme, scripts=True, phone=True) as shown:
        shown.goto(f"{stack.api}/console/login")
        assert faults(shown) == []
        log_in(shown, stack, OPERATOR)
        shown.on("console", lambda message: said.append(message.text))
        shown.on("pageerror", lambda error: said.append(str(error)))
        for path in paths(hostile):
            loaded: list[int] = []
            shown.on("response", lambda response, loaded=loaded: loaded.append(_size(response)))
            answer = shown.goto(stack.api + path)
            assert answer is not None
            assert answer.status == 200, path
            shown.evaluate(OPEN)
            assert shown.evaluate("window.hit") is None, path
            assert shown.evaluate("document.documentElement.scrollWidth") <= 360, path
            assert shown.get_by_role("heading", level=1).count() == 1, path
            assert sum(loaded) < HEAVIEST, path
            assert faults(shown) == [], path
    assert said == []


def faults(shown: Page) -> list[str]:
    """Serious findings of axe-core, which is evaluated beside the page's policy."""
    shown.evaluate(AXE.read_text("utf-8"))
    found = shown.evaluate("axe.run(document, {iframes: false, resultTypes: ['violations']})")
    return [
        f"{each['id']}: {each['nodes'][0]['html']}"
        for each in found["violations"]
        if each["impact"] in {"serious", "critical"}
    ]


def _size(response: object) -> int:
    try:
        return len(response.body())  # type: ignore[attr-defined]
    except Exception:  # noqa: BLE001  a redirect has no body
        return 0


def test_the_keyboard_alone_leads_from_the_login_to_a_message(browser: Browser, stack: Stack, cast: Cast) -> None:
    cast.say("alice", "Is the door open?")
    with page(browser, scripts=True) as shown:
        shown.goto(f"{stack.api}/console/login")
        expect(shown.get_by_label("Password")).to_be_focused()
        shown.keyboard.type(cast.secret)
        shown.keyboard.press("Enter")
        shown.get_by_role("heading", name="Conversations").wait_for()
        shown.keyboard.press("Tab")
        expect(shown.get_by_role("link", name="To the content")).to_be_focused()
        hit = shown.get_by_role("link").filter(has_text="Is the door open?")
        hit.wait_for()
        while not hit.evaluate("link => link === document.activeElement"):
            shown.keyboard.press("Tab")
            assert shown.evaluate("document.activeElement !== document.body"), "the focus went past the last link"
        shown.keyboard.press("Enter")
        expect(shown.get_by_role("heading", name="Hello")).to_be_visible()


def test_a_style_is_seen_before_it_is_saved(shown: Page, stack: Stack, cast: Cast) -> None:
    shown.goto(f"{stack.api}/console/apps/{cast.app_id}/style")
    light = shown.frame_locator("iframe[name=look-light]")
    expect(light.get_by_text("Kitchen").first).to_be_visible()
    shown.get_by_label("Footer").fill("Acme Ltd, High Street")
    for name in ("light", "dark", "phone"):
        frame = shown.frame_locator(f"iframe[name=look-{name}]")
        expect(frame.get_by_text("Acme Ltd, High Street")).to_be_visible()
    assert column(cast.database, "SELECT style FROM apps WHERE id = :app", app=cast.app_id) == [{}]
    shown.get_by_label("Colour").fill("greenish")
    expect(light.get_by_text("colour:")).to_be_visible()
    shown.get_by_label("Colour").fill("#0f766e")
    shown.get_by_role("button", name="Save").click()
    expect(shown.get_by_role("status")).to_have_text("Done.")
    style = {"footer": "Acme Ltd, High Street", "colour": "#0f766e"}
    assert column(cast.database, "SELECT style FROM apps WHERE id = :app", app=cast.app_id) == [style]
