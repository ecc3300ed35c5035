"""Answers to our mails as we make them now, in every language we send, as every client quotes them."""

import email
import re
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from test_extract_own import OWN, squeeze

from mailtalk.mail.composing import compose, style
from mailtalk.mail.composing.content import NotificationContent, ShownMessage
from mailtalk.mail.composing.link_slots import filled
from mailtalk.mail.composing.texts import TEXTS
from mailtalk.mail.replies.extract import Reply, extract
from mailtalk.mail.replies.marker import MARKERS, QUOTE_CLASS

TOKEN = OWN["mail"]["token"]
ROOM = "Shall we take the larger room on Thursday? It has a window to the yard."
DRAWINGS = "I can bring the drawings."
LINKS = {
    "conversation": "https://app.example/c/kitchen",
    "settings": "https://mail.example/settings/QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUF",
    "unsubscribe": "https://mail.example/unsubscribe/QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUF",
}
# Those that spell out our mail's old words were written by who answered an old mail.
CASES = [case for case in OWN["case"] if not re.search("Write your reply|wrote on 02 May|02 May 2026", str(case))]
each_language = pytest.mark.parametrize("language", TEXTS)


@cache
def mail(language: str) -> tuple[str, str]:
    """Our mail's text, and the element of its HTML that clients quote."""
    look = style.Style(link="https://app.example/c/{conversationId}", footer="Acme GmbH, Berlin")
    lines = (
        ShownMessage("Alice Moreau", ROOM, datetime(2026, 5, 2, 10, 0, tzinfo=UTC)),
        ShownMessage("Bob Tan", DRAWINGS, datetime(2026, 5, 2, 10, 4, tzinfo=UTC)),
    )
    content = NotificationContent(
        "Acme",
        "Kitchen",
        lines,
        2,
        True,
        look,
        look.speaks(language, "Europe/Berlin"),
        answered=ShownMessage("Carol", "Which room do we take?", datetime(2026, 5, 1, 10, 0, tzinfo=UTC)),
        readers=("Alice Moreau", "Bob Tan"),
        more_readers=3,
    )
    whole: Any = email.message_from_bytes(filled(compose.body(content).pieces, LINKS))
    text, html = (part.get_payload(decode=True).decode().replace("\r\n", "\n") for part in whole.get_payload())
    return text, html.partition("<body")[2].partition(">")[2].partition("</body>")[0]


def quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.strip().split("\n"))


def answered(language: str, text: str | None, html: str | None, *, known: bool = True) -> Reply:
    ours, element = mail(language)
    values = {"MAIL": ours.strip(), "QUOTED": quoted(ours), "HTML": element, "TOKEN": TOKEN}
    for name, value in values.items():
        text, html = (each and each.replace(f"@{name}@", value) for each in (text, html))
    return extract(text, html, reply_domain="reply.example", sent=ours if known else None)


def wrong(case: dict[str, Any], reply: Reply) -> bool:
    said = squeeze(reply.text)
    return (
        ("reply" in case and said != squeeze(case["reply"]))
        or any(squeeze(piece) not in said for piece in case.get("contains", []))
        or any(piece in reply.text for piece in case.get("lacks", []))
        or TOKEN in reply.text + reply.elided
    )


@each_language
@pytest.mark.parametrize("known", [True, False], ids=["known", "forgotten"])
def test_every_client_in_every_language(language: str, known: bool) -> None:
    cases = [case for case in CASES if known or case.get("needs") != "sent"]
    assert len(cases) > 75
    replies = [(case, answered(language, case.get("text"), case.get("html"), known=known)) for case in cases]
    assert [(case["client"], reply.text) for case, reply in replies if wrong(case, reply)] == []


@each_language
def test_the_marker_of_a_language_is_known_for_ever(language: str) -> None:
    assert TEXTS[language]["marker"] in MARKERS
    text, html = mail(language)
    assert text.startswith(f"{TEXTS[language]['marker']}\n")
    assert html.lstrip().startswith(f'<div class="{QUOTE_CLASS}">')


@each_language
def test_the_marker_alone_cuts(language: str) -> None:
    for line in (TEXTS[language]["marker"], TEXTS[language]["marker"].strip("- "), f"*{TEXTS[language]['marker']}*"):
        reply = extract(f"Yes.\n\nXq blorg\n{line}\nAlice", None)
        assert (reply.text, reply.method) == ("Yes.\n\nXq blorg", "marker")


@each_language
def test_a_client_that_strips_classes_and_writes_no_attribution(language: str) -> None:
    """As Outlook keeps it: our tables, no class, the text of inboxes' previews above the marker."""
    bare = re.sub(r' (?:class|id|style)="[^"]*"', "", mail(language)[1])
    reply = answered(language, None, f"<html><body><p>Works.</p><hr>{bare}</body></html>")
    assert squeeze(reply.text) == "Works."


@each_language
def test_answers_between_our_lines_survive(language: str) -> None:
    ours = mail(language)[0]
    inline = (
        quoted(ours)
        .replace(f"> {ROOM}", f"> {ROOM}\n\nYes, I like windows.\n")
        .replace(f"> {DRAWINGS}", f"> {DRAWINGS}\n\nThe old ones too.\n")
    )
    reply = answered(language, f"On 5/2/26 12:00, Alice Moreau wrote:\n{inline}", None)
    for piece in ("Yes, I like windows.", "The old ones too.", f"> {DRAWINGS}"):
        assert piece in reply.text
    assert TEXTS[language]["reply"] not in reply.text
    unmarked = ours.replace(ROOM, f"{ROOM}\n\nYes, please book it.")
    reply = answered(language, f"See below.\n\nFrom: Alice <notify@mail.example>\nSent: Saturday\n\n{unmarked}", None)
    assert squeeze(reply.text) == "See below. Yes, please book it."


@each_language
def test_an_answer_below_our_mail_is_what_is_left(language: str) -> None:
    reply = answered(language, "On 5/2/26 12:00, Alice Moreau wrote:\n@QUOTED@\n\nThe larger one.", None)
    assert reply.text == "The larger one."


@each_language
def test_a_mail_without_content_is_cut_too(language: str) -> None:
    look = style.Style(privacy=True)
    content = NotificationContent("Acme", "Kitchen", (), 3, True, look, look.speaks(language, None))
    whole: Any = email.message_from_bytes(filled(compose.body(content).pieces, LINKS))
    text = whole.get_payload(0).get_payload(decode=True).decode().replace("\r\n", "\n")
    assert extract(f"Fine.\n\n{text}", None, sent=text).text == "Fine."
    assert extract(f"Fine.\n\n{text}", None).text == "Fine."
