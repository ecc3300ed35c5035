"""Attacks as texts, in every place of our mails and of the pages behind their links: none runs or is an element."""

import email
import email.policy
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from support.browser import browsing, needs_browser, page
from support.hostile_world import TEXTS

from api.pages import page as pages
from api.pages import words
from mailtalk.mail.composing import compose, digest, notice, sample, style, texts
from mailtalk.mail.composing.content import FileLink, NotificationContent, ShownMessage, ThumbnailLink
from mailtalk.mail.composing.digest import DigestSection
from mailtalk.mail.composing.link_slots import filled
from mailtalk.mail.composing.notice import NoticeContent, NoticeHeaders
from mailtalk.vocabulary import DeliveryKind, SenderAnswer

pytestmark = [needs_browser, pytest.mark.timeout(300)]
ALL = " ".join(TEXTS)
PICTURE = ThumbnailLink("data:image/png,", 60, 40)
HEADERS = NoticeHeaders("Demo", "a@x.example", "Bob", "b@x.example", "<1@x>", None, sample.AT, "x.example")
# Elements and attributes that no template of ours has, and sources that are none of ours.
STRANGE = """[...document.querySelectorAll('body *')].filter(e => e.matches(
    'script, object, embed, link, meta, base, style, math, svg, video, audio, iframe, img:not(.thumbnail), ' +
    'a[href^="javascript:" i], a[href^="data:" i], a[href^="vbscript:" i]')
    || [...e.attributes].some(a => a.name.startsWith('on'))).map(e => e.outerHTML.slice(0, 200))"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as browser:
        yield browser


def line(text: str) -> ShownMessage:
    return ShownMessage(
        text, text, sample.AT + timedelta(hours=1), (FileLink(text, "https://x.example/f", 1, PICTURE),)
    )


def content(some: Sequence[str]) -> NotificationContent:
    plain = sample.contents(replace(style.DEFAULT, name=ALL, footer=ALL), None, None)["reply"]
    lines, answered = tuple(map(line, some)), ShownMessage("Bob", some[0], sample.AT)
    return replace(plain, app=ALL, subject=ALL, lines=lines, answered=answered, readers=tuple(some[:2]), more_readers=2)


def html(raw: bytes) -> str:
    part: Any = email.message_from_bytes(raw, policy=email.policy.default).get_body(("html",))
    return str(part.get_content())


def mails() -> Iterator[str]:
    for start in range(0, len(TEXTS), 30):
        made = content(TEXTS[start : start + 30])
        yield html(filled(compose.body(made).pieces, {}))
        section = DigestSection(made, "token@reply.example", None, "https://x.example/settings")
        yield html(filled(digest.body([section, section], "https://x.example/u").pieces, {}))
    for text in TEXTS[::4]:
        shown = NoticeContent(text, text, text, "asked", "https://x.example/r", sample.AT, text, may_accept=True)
        for kind in (DeliveryKind.CONFIRMATION, DeliveryKind.REJECTION):
            yield html(notice.mail(kind, HEADERS, shown, texts.language(None, None)))


def linked() -> Iterator[str]:
    about = {"app": ALL, "subject": ALL, "frequency": "default", "received": "today", "sender": ALL, "said": ALL}
    answers = tuple(SenderAnswer)
    yield rendered("release.html", state="question", about=about, answers=answers)
    settled = about | {"answered": "today", "answer": "Not me"}
    yield rendered("release.html", state="settled", about=settled, answers=())
    own = [{"subject": text, "notify": "all", "muted_until": None, "token": "t", "is_this": False} for text in TEXTS]
    form = {"notify": "all", "frequency": "default", "muted_until": None, "languages": words.LANGUAGES, "outcome": None}
    whose = {"name": ALL, "addresses": ALL, "accepted": TEXTS, "own": own, "total": 300}
    yield rendered("settings.html", about=about, token="t", **form, **whose)
    for template in ("unsubscribe.html", "unsubscribed.html"):
        kind = {"is_digest": False, "everything": True, "has_others": True, "applied": True}
        yield rendered(template, about=about, token="t", **kind)


def rendered(template: str, **values: Any) -> str:
    return bytes(pages.answer(template, "en", **values).body).decode()


@pytest.mark.parametrize("sources", [mails, linked])
def test_an_attack_is_shown_as_the_text_that_it_is(browser: Browser, sources: Any) -> None:
    dialogs: list[str] = []
    with page(browser, scripts=True) as watched:
        watched.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
        shown = [text_of(watched, source) for source in sources()]
    assert dialogs == []
    assert sum("alert(1)" in text for text in shown) > len(shown) / 2


def text_of(watched: Page, source: str) -> str:
    """What a page shows, if it has nothing but our own elements."""
    watched.set_content(source, wait_until="domcontentloaded")
    assert watched.evaluate(STRANGE) == []
    return watched.locator("body").inner_text()
