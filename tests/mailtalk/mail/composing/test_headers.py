"""The headers of our mails: no foreign text adds or changes one, and mail programs find what they thread by."""

import email
import os
import re
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailtalk.mail.composing import headers as letters
from mailtalk.mail.composing.headers import NotificationHeaders
from mailtalk.mail.composing.style import Style

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NASTY = ["\r\nBcc: eve@example.com", "\n\n<p>", "=?utf-8?q?=0D=0AX:_y?=", "=?UTF-8?Q?=0ABcc:_evil@x?=", "=?", "?="]
NASTY += ["\x00", "\u2028", "\u202e", '"', "\\", "<e@x>", "CEO <ceo@x>", "\uff20", "\uff1c", "=", "?", ",", ":", ";"]
NASTY += [" ", "\t", "\x85", "é", "漢字", "😀", "a" * 90, "\x1b[0m", "ﷺ", "\ue000", "(", ")", "\ud800"]
foreign = st.lists(st.one_of(st.sampled_from(NASTY), st.text()), max_size=12).map("".join)
LINKS = {
    "conversation": "https://app.example/c/%0d%0a?user=bob",
    "settings": f"https://mail.example/settings/{'s' * 43}",
    "unsubscribe": f"https://mail.example/unsubscribe/{'u' * 43}",
}
NAMES = [
    *("From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "Reply-To", "Auto-Submitted"),
    *(
        "X-Auto-Response-Suppress",
        "x-ms-reactions",
        "Precedence",
        "X-Loop",
        "List-Id",
        "List-Archive",
        "List-Unsubscribe",
    ),
    *("List-Unsubscribe-Post", "Feedback-ID", "Thread-Topic", "Thread-Index", "MIME-Version"),
]
unhurried = settings(deadline=None)
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "700"))
thousands = settings(max_examples=EXAMPLES, deadline=None)  # of three strings, of up to twelve pieces


def letter(sender_name: str = "Alice via Demo", reader_name: str = "Bob", **changed: object) -> NotificationHeaders:
    fields = {
        "sender_name": sender_name,
        "sender": "notify@reply.example",
        "reader_name": reader_name,
        "reader": "bob@example.com",
        "reply_to": f"{'a' * 30}@reply.example",
        "unsubscribe": f"{'b' * 30}@reply.example",
        "message_id": f"<n.{'c' * 32}@reply.example>",
        "references": (f"<c.{'d' * 24}@reply.example>", f"<n.{'e' * 32}@reply.example>"),
        "thread": "f" * 24,
        "feedback": f"{'f' * 12}:{'9' * 12}:notification:mailtalk",
        "domain": "reply.example",
        "at": NOW,
        "links": LINKS,
    }
    return NotificationHeaders(**(fields | changed))  # type: ignore[arg-type]


def parsed(head: NotificationHeaders, subject: str = "Hello") -> Message:
    return email.message_from_bytes(letters.head(head, subject) + b"\r\n")  # compat32: what most programs do


def read(value: str) -> str:
    return str(make_header(decode_header(re.sub(r"\r\n", "", value))))


@thousands
@given(foreign, foreign, foreign)
def test_hostile_names_and_subjects_never_add_or_change_a_header(sender: str, reader: str, subject: str) -> None:
    mail = parsed(letter(sender, reader), subject)
    assert mail.keys() == NAMES
    assert not mail.defects
    assert getaddresses([mail["To"]])[0][1] == "bob@example.com"
    assert [address for _, address in getaddresses([mail["From"]])] == ["notify@reply.example"]
    assert mail["From"].endswith("<notify@reply.example>")
    shown, topic = read(mail["From"]), read(mail["Subject"])  # what is decoded is no header and no address either
    assert not re.search(r"[\r\n\x00\u2028\u202e]", shown + topic)
    assert shown.count("@") == shown.count("<") == 1
    assert not re.search("[\uff20\ufe6b\uff1c\uff1e]", shown)
    assert topic.split() == letters.clean(subject, letters.SUBJECT_LIMIT).split()


@thousands
@given(foreign, foreign)
def test_hostile_ids_in_the_apps_link_never_add_or_change_a_header(conversation_id: str, user_id: str) -> None:
    ids = [each.encode("utf-8", "replace").decode() for each in (conversation_id, user_id)]  # as JSON has them
    link = Style(link="https://app.example/c/{conversationId}?user={userId}").link_for(*ids)
    mail = parsed(letter(links=LINKS | {"conversation": link}))
    assert set(mail.keys()) <= set(NAMES)
    assert not mail.defects
    assert getaddresses([mail["To"]])[0][1] == "bob@example.com"


@unhurried
@given(foreign)
def test_clean_text_is_one_line_without_control_characters_or_encoded_words(text: str) -> None:
    cleaned = letters.clean(text, 50)
    assert len(cleaned) <= 50
    assert cleaned == cleaned.strip()
    assert cleaned.isascii() is False or cleaned.isprintable()
    assert not re.search(r"[\r\n\x00\u2028\u2029\u202e]|=\?", cleaned)


@unhurried
@given(foreign, foreign)
def test_what_machines_read_is_never_encoded(name: str, subject: str) -> None:
    head = letter(name, name)
    mail = parsed(head, subject)
    assert mail["Message-ID"] == head.message_id
    assert mail["In-Reply-To"] == head.references[-1]
    assert mail["References"].split() == list(head.references)
    assert mail["List-Id"] == f"<{head.thread}.reply.example>"
    assert mail["List-Archive"] == f"<{LINKS['conversation']}>"
    both = f"<{LINKS['unsubscribe']}>, <mailto:{head.unsubscribe}?subject=unsubscribe>"
    assert " ".join(mail["List-Unsubscribe"].split()) == both
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["Reply-To"] == head.reply_to
    assert (mail["Auto-Submitted"], mail["Precedence"]) == ("auto-generated", "list")
    assert (mail["X-Auto-Response-Suppress"], mail["X-Loop"]) == ("All", "reply.example")
    assert mail["Date"] == "Fri, 02 Jan 2026 03:04:05 +0000"


@unhurried
@given(foreign, foreign)
def test_headers_are_ascii_in_short_lines(name: str, subject: str) -> None:
    raw = letters.head(letter(name, name), subject)
    assert raw.isascii()
    assert raw.endswith(b"\r\n")
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)|\x00|\r\n[ \t]*\r\n", raw)
    assert max(len(line) for line in raw.split(b"\r\n") if b"<http" not in line) <= 200
    words = letters.head(letter(), "word " * 40)
    assert max(len(line) for line in words.split(b"\r\n") if b"http" not in line) <= 78


def test_links_stay_whole_and_one_that_fits_no_line_is_left_out() -> None:
    long = f"https://mail.example/unsubscribe/{'u' * 700}"
    mail = parsed(letter(links={"unsubscribe": long, "conversation": f"https://app.example/{'c' * 990}"}))
    assert mail["List-Archive"] is None
    assert f"<{long}>," in mail["List-Unsubscribe"]
    assert parsed(letter(links={}))["List-Unsubscribe"].startswith("<mailto:")
    assert parsed(letter(links={}))["List-Unsubscribe-Post"] is None


def test_the_first_reference_and_the_last_ten_are_kept() -> None:
    ids = tuple(f"<{i}@x>" for i in range(30))
    assert parsed(letter(references=ids))["References"].split() == [ids[0], *ids[-10:]]


def test_outlooks_thread_is_the_conversation() -> None:
    one, same, other = (parsed(letter(thread=thread))["Thread-Index"] for thread in ("a", "a", "b"))
    assert one == same != other
    assert parsed(letter(), "Küche")["Thread-Topic"] == parsed(letter(), "Küche")["Subject"]


@pytest.mark.parametrize(
    "text",
    [
        "<x@y>, <z@y>",
        "<x y@z>",
        "<x@y>\r\nBcc: e@x",
        "x@y",
        "<=?utf-8?q?=0ABcc:_e=40x?=@y>",
        "<x@y@z>",
        f"<{'a' * 300}@y>",
        "<ä@y>",
        "",
        None,
    ],
)
def test_a_message_id_that_could_harm_a_header_is_not_used(text: str | None) -> None:
    assert letters.message_id(text) is None


@pytest.mark.parametrize("text", ["<CAF=abc+1_2.3@mail.gmail.com>", "<5F6.A7-8$9@[192.0.2.1]>"])
def test_other_peoples_message_ids_are_used_as_they_are(text: str) -> None:
    assert letters.message_id(text) == text


def test_a_label_tells_its_parts_from_others() -> None:
    assert letters.label("ab", "c") != letters.label("a", "bc")
    assert re.fullmatch("[0-9a-f]{24}", letters.label("ü/ \n", "x"))
