"""Notices as bytes: what others wrote is text in them, and never a header."""

import email
import email.policy
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailtalk.mail import notice, parse, screen
from mailtalk.mail.notice import Letter
from mailtalk.vocabulary import DeliveryKind, Verdict

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LETTER = Letter(
    "Demo", "notify@reply.example", "Bob", "bob@example.com", "<r.1@reply.example>", "<his@x>", AT, "reply.example"
)
VALUES = {"app": "Demo", "subject": "Stars", "received": AT, "said": "Nine & <b>o'clock</b>\n\nBob", "why": "Because."}
REJECTION = VALUES
CONFIRMATION = VALUES | {"link": "https://talk.example/inbound/release/abc", "days": 7}
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
    "MIME-Version",
    "Content-Type",
]


def read(raw: bytes) -> Any:
    return email.message_from_bytes(raw, policy=email.policy.default)


@pytest.mark.parametrize(
    ("kind", "values", "says"),
    [
        (DeliveryKind.REJECTION, REJECTION, ["Because.", "> Nine & <b>o'clock</b>", "> Bob", '"Stars"']),
        (DeliveryKind.CONFIRMATION, CONFIRMATION, ["> Nine", "https://talk.example/inbound/release/abc", "7 days"]),
    ],
)
def test_a_notice_says_what_it_is_about(kind: DeliveryKind, values: dict[str, Any], says: list[str]) -> None:
    raw = notice.mail(kind, LETTER, values)
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
    raw = notice.mail(DeliveryKind.REJECTION, LETTER, REJECTION)
    ours = screen.screen(
        parse.parse(raw), mail_from="bob@example.com", own_domain="reply.example", loop_id="reply.example"
    )
    others = screen.screen(parse.parse(raw), mail_from="bob@example.com")
    assert (ours.verdict, others.verdict) == (Verdict.LOOP, Verdict.AUTO_REPLY)


@given(hostile=st.text(), said=st.text())
@settings(max_examples=80, deadline=None)
def test_no_text_becomes_a_header(hostile: str, said: str) -> None:
    letter = replace(LETTER, sender_name=hostile, reader_name=hostile, answers=hostile)
    raw = notice.mail(DeliveryKind.REJECTION, letter, REJECTION | {"subject": hostile, "said": said})
    assert set(read(raw).keys()) <= set(NAMES)


@pytest.mark.parametrize(
    "hostile",
    ["x\r\nBcc: eve@evil.example", "A =?UTF-8?Q?=0ABcc:_evil@x?=", "a\u2028Bcc: x", "\x85Bcc: x", "'\"<eve@x>"],
)
def test_known_ways_to_a_header(hostile: str) -> None:
    letter = replace(LETTER, sender_name=hostile, reader_name=hostile, answers=hostile)
    mail = read(notice.mail(DeliveryKind.CONFIRMATION, letter, CONFIRMATION | {"subject": hostile}))
    assert "Bcc" not in mail
    assert [each.addr_spec for each in mail["To"].addresses] == ["bob@example.com"]


def test_a_long_text_is_shown_in_part() -> None:
    mail = read(notice.mail(DeliveryKind.REJECTION, LETTER, REJECTION | {"said": "x" * 100_000}))
    assert len(mail.get_body(("plain",)).get_content()) < 4_000
