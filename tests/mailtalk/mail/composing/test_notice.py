"""Notices as bytes: what others wrote is text in them, and never a header."""

import email
import email.policy
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailtalk.inbound import notices
from mailtalk.mail.composing import notice, texts
from mailtalk.mail.composing.notice import TEXTS, NoticeContent, NoticeHeaders
from mailtalk.mail.parsing import parse
from mailtalk.mail.screening import classify
from mailtalk.vocabulary import DeliveryKind, Verdict

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LETTER = NoticeHeaders(
    "Demo", "notify@reply.example", "Bob", "bob@example.com", "<r.1@reply.example>", "<his@x>", AT, "reply.example"
)
REJECTION = NoticeContent("Demo", "Stars", "Nine & <b>o'clock</b>\n\nBob", why="no-access")
CONFIRMATION = replace(
    REJECTION, why="asked", link="https://talk.example/inbound/release/abc", until=AT, author="bob@gmail.example"
)
ENGLISH = texts.language(None, None)
each_language = pytest.mark.parametrize("code", texts.TEXTS)
NAMES = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "X-Loop",
    "x-ms-reactions",
    "MIME-Version",
    "Content-Type",
]


def read(raw: bytes) -> Any:
    return email.message_from_bytes(raw, policy=email.policy.default)


@pytest.mark.parametrize(
    ("kind", "content", "says"),
    [
        (DeliveryKind.REJECTION, REJECTION, ["no longer write", "> Nine & <b>o'clock</b>", "> Bob", "“Stars”"]),
        (
            DeliveryKind.CONFIRMATION,
            CONFIRMATION,
            ["> Nine", "bob@gmail.example", "https://talk.example/inbound/release/abc", "2026"],
        ),
    ],
)
def test_a_notice_says_what_it_is_about(kind: DeliveryKind, content: NoticeContent, says: list[str]) -> None:
    raw = notice.mail(kind, LETTER, content, ENGLISH)
    mail = read(raw)
    assert sorted(mail.keys()) == sorted(NAMES)
    assert mail["To"] == "Bob <bob@example.com>"
    assert "Stars" in mail["Subject"]
    assert mail["Auto-Submitted"] == "auto-replied"
    text, html = (mail.get_body((kind,)).get_content() for kind in ("plain", "html"))
    for each in says:
        assert each in text
    assert "<b>" not in html
    assert b"\n" not in raw.replace(b"\r\n", b"")


def test_we_take_a_notice_for_a_loop_and_others_for_a_machines() -> None:
    raw = notice.mail(DeliveryKind.REJECTION, LETTER, REJECTION, ENGLISH)
    ours = classify.classify(parse.parse(raw), mail_from="bob@example.com", own_domain="reply.example")
    others = classify.classify(parse.parse(raw), mail_from="bob@example.com")
    assert (ours.verdict, others.verdict) == (Verdict.LOOP, Verdict.AUTO_REPLY)


@given(hostile=st.text(), said=st.text())
@settings(max_examples=80, deadline=None)
def test_no_text_becomes_a_header(hostile: str, said: str) -> None:
    letter = replace(LETTER, sender_name=hostile, reader_name=hostile, answers=hostile)
    raw = notice.mail(DeliveryKind.REJECTION, letter, replace(REJECTION, subject=hostile, said=said), ENGLISH)
    assert set(read(raw).keys()) <= set(NAMES)


@pytest.mark.parametrize(
    "hostile",
    ["x\r\nBcc: eve@evil.example", "A =?UTF-8?Q?=0ABcc:_evil@x?=", "a\u2028Bcc: x", "\x85Bcc: x", "'\"<eve@x>"],
)
def test_known_ways_to_a_header(hostile: str) -> None:
    letter = replace(LETTER, sender_name=hostile, reader_name=hostile, answers=hostile)
    mail = read(notice.mail(DeliveryKind.CONFIRMATION, letter, replace(CONFIRMATION, subject=hostile), ENGLISH))
    assert "Bcc" not in mail
    assert [each.addr_spec for each in mail["To"].addresses] == ["bob@example.com"]


def test_a_long_text_is_shown_in_part() -> None:
    mail = read(notice.mail(DeliveryKind.REJECTION, LETTER, replace(REJECTION, said="x" * 100_000), ENGLISH))
    assert len(mail.get_body(("plain",)).get_content()) < 4_000


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/pay?x=1",
        "HTTP://EVIL.EXAMPLE",
        "evil.example",
        "www.evil.example/a.b",
        "pay@evil.example",
        "mailto:pay@evil.example",
        "javascript://evil.example",
        "evil。example",
        "пример.рф",
    ],
)
def test_was_this_you_carries_no_link_of_a_stranger_and_little_of_their_text(link: str) -> None:
    stranger = replace(CONFIRMATION, said=f"Pay here: {link} now, 3.50 euros. " + "x " * 5_000)
    mail = read(notice.mail(DeliveryKind.CONFIRMATION, LETTER, stranger, ENGLISH))
    text, html = (mail.get_body((kind,)).get_content() for kind in ("plain", "html"))
    assert link not in text
    assert link not in html
    assert "[.]" in text or "。" not in text
    assert "3.50 euros" in text
    links = re.findall(r'href="([^"]*)"', html)
    assert links == [CONFIRMATION.link, f"{CONFIRMATION.link}?answer=reject"]
    quoted = " ".join(line.removeprefix("> ") for line in text.splitlines() if line.startswith(">"))
    assert len(quoted) <= 300


@each_language
def test_every_language_of_our_mails_has_every_saying(code: str) -> None:
    holes = {key: texts.holes(text) for key, text in TEXTS["en"].items()}
    assert {key: texts.holes(text) for key, text in TEXTS[code].items()} == holes
    language = texts.language(code, "Europe/Berlin")
    rejections = [replace(REJECTION, why=why) for why in (*notices.WHY, notices.ENCRYPTED)]
    made = [notice.mail(DeliveryKind.REJECTION, LETTER, each, language) for each in rejections]
    made.append(notice.mail(DeliveryKind.CONFIRMATION, LETTER, CONFIRMATION, language))
    for mail in map(read, made):
        html = mail.get_body(("html",)).get_content()
        assert f'<html lang="{code}"' in html
        assert "{" not in html.partition("<body")[2]
