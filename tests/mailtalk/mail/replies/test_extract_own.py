"""Replies as clients in every language write them: tests/mails/own/replies.toml, and signatures.toml beside it."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from mailtalk.mail.replies.extract import extract

OWN = tomllib.loads((Path(__file__).parents[3] / "mails/own/replies.toml").read_text("utf-8"))
SIGNED = tomllib.loads((Path(__file__).parents[3] / "mails/own/signatures.toml").read_text("utf-8"))["case"]
MAIL = OWN["mail"]
QUOTED = "\n".join(f"> {line}".rstrip() for line in MAIL["text"].strip().split("\n"))


def filled(template: str | None) -> str | None:
    if template is None:
        return None
    for name, value in {
        "MAIL": MAIL["text"].strip(),
        "QUOTED": QUOTED,
        "HTML": MAIL["html"],
        "TOKEN": MAIL["token"],
    }.items():
        template = template.replace(f"@{name}@", value)
    return template


def squeeze(text: str) -> str:
    return " ".join(text.split())


def check(case: dict[str, Any], *, sent: str | None) -> None:
    reply = extract(filled(case.get("text")), filled(case.get("html")), reply_domain="reply.example", sent=sent)
    if "reply" in case:
        assert squeeze(reply.text) == squeeze(case["reply"])
    for piece in case.get("contains", []):
        assert squeeze(piece) in squeeze(reply.text)
    for piece in case.get("lacks", []):
        assert piece not in reply.text
    assert MAIL["token"] not in reply.text + reply.elided


@pytest.mark.parametrize("case", OWN["case"], ids=lambda case: case["client"])
def test_reply_to_a_notification_that_we_know(case: dict[str, Any]) -> None:
    check(case, sent=MAIL["text"])


@pytest.mark.parametrize("case", [c for c in OWN["case"] if c.get("needs") != "sent"], ids=lambda case: case["client"])
def test_reply_to_a_notification_that_we_forgot(case: dict[str, Any]) -> None:
    check(case, sent=None)


def test_there_are_enough_clients() -> None:
    assert len(OWN["case"]) >= 60


@pytest.mark.parametrize("case", SIGNED, ids=lambda case: case["client"])
def test_a_signature_by_the_name_in_the_from_header(case: dict[str, Any]) -> None:
    reply = extract(case.get("text"), case.get("html"), author=case["from"])
    assert squeeze(reply.text) == squeeze(case["reply"])


@pytest.mark.parametrize("case", [c for c in SIGNED if c.get("needs") != "from"], ids=lambda case: case["client"])
def test_a_signature_without_a_known_name(case: dict[str, Any]) -> None:
    reply = extract(case.get("text"), case.get("html"))
    assert squeeze(reply.text) == squeeze(case["reply"])


def test_a_mail_that_is_all_indented_is_its_authors_text() -> None:
    assert extract(None, "<blockquote>Yes.<br>On Monday.</blockquote>").text == "Yes.\nOn Monday."
    assert extract(None, '<blockquote type="cite">Shall we?</blockquote>').text == ""


def test_a_forward_alone_is_kept_whole_in_html() -> None:
    heading = '<div class="gmail_attr">---------- Forwarded message ---------<br>From: Tom<br></div>'
    mail = f'<div class="gmail_quote">{heading}Hi</div>'
    assert extract(None, mail, keep_forwards=False).text.split("\n")[-1] == "Hi"
    assert "Forwarded message" in extract(None, mail, keep_forwards=False).text
