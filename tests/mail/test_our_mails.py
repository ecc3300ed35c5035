"""Our mails: no foreign text adds or changes a header, and what was said arrives."""

import email
import re
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.message import Message
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from mailtalk.mail import compose
from mailtalk.mail.compose import Content, Letter, Line

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NASTY = [
    "\r\nBcc: eve@example.com",
    "\n\n<p>",
    "=?utf-8?q?=0D=0AX:_y?=",
    "\x00",
    "\u2028",
    "\u202e",
    '"',
    "\\",
    "<e@x>",
]
NASTY += ["é", "漢字", "😀", "=", "?", ",", ":", ";", " ", "\t", "\x85", "a" * 90, "\x1b[0m", "ﷺ", "\ue000", "(", ")"]
foreign = st.lists(st.one_of(st.sampled_from(NASTY), st.text(st.characters(codec="utf-8"))), max_size=12).map("".join)
said = st.lists(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp"))), min_size=1, max_size=8)
NAMES = [
    *("From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "Reply-To", "Auto-Submitted"),
    *("X-Auto-Response-Suppress", "X-Loop", "List-Id", "List-Unsubscribe", "MIME-Version", "Content-Type"),
]


def letter(sender_name: str = "Alice via Demo", reader_name: str = "Bob", **changed: object) -> Letter:
    fields = {
        "sender_name": sender_name,
        "sender": "notify@reply.example",
        "reader_name": reader_name,
        "reader": "bob@example.com",
        "reply_to": f"{'a' * 30}@reply.example",
        "unsubscribe": f"{'b' * 30}@reply.example",
        "message_id": f"<n.{'c' * 32}@reply.example>",
        "references": (f"<c.{'d' * 24}@reply.example>", f"<n.{'e' * 32}@reply.example>"),
        "list_id": f"{'f' * 24}.reply.example",
        "at": NOW,
        "loop_id": "reply.example",
    }
    return Letter(**(fields | changed))  # type: ignore[arg-type]


def made(subject: str, *texts: str, head: Letter | None = None, sender: str = "Alice", may_reply: bool = True) -> bytes:
    content = Content(subject, tuple(Line(sender, text, NOW) for text in texts or ("hi",)), may_reply)
    return compose.mail(head or letter(), subject, compose.body(content))


def parsed(raw: bytes) -> Message:
    return email.message_from_bytes(raw)  # compat32: what most programs do


def part(mail: Message, kind: str) -> str:
    found = next(each for each in mail.walk() if each.get_content_type() == kind)
    payload = found.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode()


@given(foreign, foreign, foreign)
def test_hostile_names_and_subjects_never_add_or_change_a_header(sender: str, reader: str, subject: str) -> None:
    raw = made(subject, head=letter(sender, reader))
    mail = parsed(raw)
    assert mail.keys() == NAMES
    assert not mail.defects
    assert mail["To"].endswith("<bob@example.com>")
    assert mail["From"].endswith("<notify@reply.example>")
    assert email.utils.getaddresses([mail["To"]])[0][1] == "bob@example.com"
    assert len(email.utils.getaddresses([mail["From"]])) == 1


@given(foreign)
def test_a_subject_reads_as_it_was_cleaned(subject: str) -> None:
    shown = str(make_header(decode_header(re.sub(r"\r\n", "", parsed(made(subject))["Subject"]))))
    assert "".join(shown.split()) == "".join(compose.clean(subject, compose.SUBJECT_LIMIT).split())


@given(foreign)
def test_clean_text_is_one_line_without_control_characters_or_encoded_words(text: str) -> None:
    cleaned = compose.clean(text, 50)
    assert len(cleaned) <= 50
    assert cleaned == cleaned.strip()
    assert cleaned.isascii() is False or cleaned.isprintable()
    assert not re.search(r"[\r\n\x00\u2028\u2029\u202e]|=\?", cleaned)


@given(foreign, foreign)
def test_what_machines_read_is_never_encoded(name: str, subject: str) -> None:
    head = letter(name, name)
    mail = parsed(made(subject, head=head))
    assert mail["Message-ID"] == head.message_id
    assert mail["In-Reply-To"] == head.references[-1]
    assert mail["References"].split() == list(head.references)
    assert mail["List-Id"] == f"<{head.list_id}>"
    assert mail["List-Unsubscribe"] == f"<mailto:{head.unsubscribe}?subject=unsubscribe>"
    assert mail["Reply-To"] == head.reply_to
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"] == "Fri, 02 Jan 2026 03:04:05 +0000"


@given(foreign, said, foreign)
def test_every_mail_is_ascii_with_short_lines_and_only_crlf(subject: str, lines: list[str], name: str) -> None:
    raw = made(subject, "\n".join(lines), "x" * 5000, head=letter(name, name), sender=name)
    assert raw.isascii()
    assert raw.endswith(b"\r\n")
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)|\x00", raw)
    assert max(map(len, raw.split(b"\r\n"))) <= 998


@given(said)
def test_the_text_part_holds_what_was_said(lines: list[str]) -> None:
    text = "\n".join(lines)
    shown = part(parsed(made("Hello", text)), "text/plain").replace("\r\n", "\n")
    assert f"Alice wrote on 02 January 2026, 03:04 UTC:\n\n{text}\n" in shown


class Words(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.words, self.tags = "", set[str]()
        self.feed(html)

    def handle_data(self, data: str) -> None:
        self.words += data

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002  HTMLParser's
        self.tags.add(tag)


@given(said)
def test_the_html_part_holds_what_was_said_and_no_tag_of_it(lines: list[str]) -> None:
    text = "\n".join([*lines, "<script>alert(1)</script><img src=x>"])
    shown = Words(part(parsed(made("Hello", text)), "text/html").replace("\r\n", "\n"))
    assert text in shown.words
    assert not {"script", "img"} & shown.tags


def test_lines_of_dots_and_froms_survive() -> None:
    text = ".\n..\nFrom me\n.hidden\n-- \n--boundary--"
    raw = made("Hello", text)
    assert text in part(parsed(raw), "text/plain").replace("\r\n", "\n")
    assert b"\r\n.\r\n" not in raw


def test_who_may_not_reply_gets_no_reply_to_and_no_marker() -> None:
    mail = parsed(made("Hello", head=letter(reply_to=None), may_reply=False))
    assert mail["Reply-To"] is None
    assert "above this line" not in part(mail, "text/plain") + part(mail, "text/html")


def test_the_first_reference_and_the_last_ten_are_kept() -> None:
    ids = tuple(f"<{i}@x>" for i in range(30))
    assert parsed(made("Hello", head=letter(references=ids)))["References"].split() == [ids[0], *ids[-10:]]


def test_equal_contents_give_equal_bytes() -> None:
    assert made("Hello", "same") == made("Hello", "same")


def test_a_label_tells_its_parts_from_others() -> None:
    assert compose.label("ab", "c") != compose.label("a", "bc")
    assert re.fullmatch("[0-9a-f]{24}", compose.label("ü/ \n", "x"))
