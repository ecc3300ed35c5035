"""The first five minutes: from the link of `mailtalk up` to the answer of Bob, in a browser, without a reload."""

import re
from collections.abc import Callable

import httpx
from playwright.sync_api import Page, expect
from support.browser import browsing, needs_browser, page
from support.clients import Backend
from support.product import Stack

LINK = re.compile(r"http://\S+/console/enter/\S+")
SOON = 60_000  # milliseconds


@needs_browser
def test_a_newcomer_sees_an_answer_by_mail(up: Callable[..., Stack]) -> None:
    stack = up()
    link = LINK.search(stack.out)
    assert link
    with browsing() as browser, page(browser, scripts=True) as shown:
        shown.goto(link[0])
        shown.get_by_label("Reply as Bob").fill("Too early!")
        shown.get_by_role("button", name="Reply by SMTP").click()
        expect(shown.get_by_role("status")).to_contain_text("Bob has no mail yet")
        loads = _loads(shown)
        shown.get_by_role("button", name="Send").click()
        mail = shown.frame_locator("#tour-mail iframe")
        expect(mail.locator(".said")).to_have_text("Hi Bob, lunch at noon?", timeout=SOON)
        shown.get_by_label("Reply as Bob").fill("Noon is fine!")
        shown.get_by_role("button", name="Reply by SMTP").click()
        answer = shown.locator("#tour-messages li").filter(has_text="Noon is fine!")
        expect(answer.get_by_role("link", name="by mail")).to_be_visible(timeout=SOON)
        expect(shown.get_by_role("heading", name="That was the whole way")).to_be_visible(timeout=SOON)
        assert "wrote:" not in answer.locator(".text").inner_text()
        assert loads == [f"{stack.url}/console/apps/demo/tour"] * 2  # after the two forms, and nothing else
        shown.goto(link[0])
        expect(shown.get_by_role("heading", name="The first five minutes")).to_be_visible()
    assert httpx.get(link[0]).status_code == 410
    said = Backend(stack).get("/conversations/first-steps/messages")["data"]
    assert [(each["senderId"], each["text"], each["origin"]) for each in said] == [
        ("bob", "Noon is fine!", "email"),
        ("alice", "Hi Bob, lunch at noon?", "web"),
    ]


def _loads(shown: Page) -> list[str]:
    """Addresses of the pages that the window loads from now on."""
    loads: list[str] = []
    shown.on(
        "framenavigated", lambda frame: loads.append(frame.url.partition("?")[0]) if frame == shown.main_frame else None
    )
    return loads
