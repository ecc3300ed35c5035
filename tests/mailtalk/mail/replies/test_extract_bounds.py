"""Nothing that anybody sends makes the extraction crash, lose words or work more than its share."""

import sys
import time
from collections.abc import Callable
from types import FrameType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailtalk.mail.replies.extract import extract

SIZE = 60_000

TEXTS = {
    "one letter": "a",
    "spaces": " ",
    "newlines": "\n",
    "carriage returns": "\r",
    "greater": ">",
    "quotes": "> a\n",
    "dashes": "-",
    "underscores": "_",
    "dash lines": "--\n",
    "rules": "____\n",
    "on": "On a\n",
    "on on": "On ",
    "on dates": "On Mon, 1 Jan 2024 at 10:00 <\n",
    "on wrote": "On Mon, 1 Jan 2024 a, b wrote:\n",
    "wrote": "wrote:\n",
    "angle wrote": "> wrote:\n",
    "colons": "a:\n",
    "colons in a line": "a:",
    "headers": "From: a\n",
    "header pairs": "From: a\nTo: b\n",
    "star headers": "*From:* a\n",
    "sent from": "Sent from my a ",
    "sent lines": "Sent from my iPhone\n",
    "links": "<http://a",
    "less": "<",
    "prose": "Hello this is a normal line of text.\n",
    "blank lines": " \n",
    "tabs": "\t> \n",
    "german": "Am 1.1.2024 um 10:00 schrieb a\n",
    "regards": "Best regards,\n",
    "zero width": "\u200b",
    "marks": "\ue002a\n\ue003\n\ue004b\n",
    "digits": "1",
    "dates": "2024-01-01 10:00 GMT+1 ",
    "addresses": "a@b ",
    "tokens": "k3v7q2xw4m6np5rtz7ya2bcdefgh3j@reply.example\n",
    "half tokens": "abcdefghijklmnopqrstuvwxyz234567",
    "nested": ">>>>>>>>>>>>>>>>>>>> x\n",
    "mixed": "On Mon\n\n> x\n-- \n",
    "torn": "On 1 Jan 2024\n<\nmailto:a@b\n> wrote:\n",
    "inline": "> a\nb\n",
    "originals": "-----Original Message-----\n",
    "forwards": "---------- Forwarded message ----------\n",
    "stars": "*" * 50 + "a\n",
    "phones": "+1 (555) 123-4567 ",
    "cjk": "写道\uff1a\n",
    "angles": "On 1 2 3 " + "<@" * 150 + ":\n",
    "dashed colons": "-" * 390 + ":\n",
    "spaced colons": "On 1" + " On 1" * 70 + " wrote:\n",
    "digit headers": "From: " + "1" * 500 + "\nTo: a\nDate: " + "1 " * 500 + "\n\nb\n",
    "wide": "On 1 Jan 2024 " + "x" * 380 + "\n",
}
PAGES = {
    "div": "<div>",
    "closed": "</div>",
    "br": "<br>",
    "less": "<",
    "quote": "<blockquote>",
    "quotes": "<blockquote>a</blockquote>",
    "empty quotes": "<blockquote></blockquote>",
    "p": "<p>a",
    "gmail": "<div class=gmail_quote>a</div>",
    "headings": "<div class=gmail_attr>a</div>",
    "heading and quote": "<div class=gmail_attr>a</div>" * 200 + "<blockquote>b</blockquote>",
    "tables": "<table><tr><td>",
    "cells": "<td>a",
    "attributes": "<a b=c ",
    "entities": "&amp;",
    "ampersands": "&",
    "comments": "<!-- -->a",
    "open comment": "<!--",
    "spans": "<span>a</span>",
    "lists": "<ul><li>a",
    "pre": "<pre>\n\n</pre>",
    "script": "<script>",
    "images": "<img alt='😀'>",
    "hidden": "<div style='display:none'>a</div>",
    "classes": "<div class='" + "a " * 200 + "'>a</div>",
}


def work(extraction: Callable[[], object]) -> tuple[int, float]:
    """Count the calls, Python's and C's, and the processor's seconds."""
    calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    started = time.process_time()
    sys.setprofile(count)
    try:
        extraction()
    finally:
        sys.setprofile(None)
    return calls, time.process_time() - started


def fill(piece: str, size: int) -> str:
    return "hello\n" + piece * (size // len(piece))


def check(extraction: Callable[[int], object]) -> None:
    extraction(1_000)
    once, _ = work(lambda: extraction(SIZE // 2))
    twice, seconds = work(lambda: extraction(SIZE))
    assert twice <= 2.2 * once + 1_000
    assert seconds < 20  # two hundred times what it takes


@pytest.mark.parametrize("piece", TEXTS.values(), ids=TEXTS.keys())
def test_work_on_text_is_linear(piece: str) -> None:
    sent = "Alice wrote:\n\nShall we take the larger room on Thursday?"
    check(lambda size: extract(fill(piece, size), None, reply_domain="reply.example", sent=sent))


@pytest.mark.parametrize("piece", PAGES.values(), ids=PAGES.keys())
def test_work_on_html_is_linear(piece: str) -> None:
    check(lambda size: extract(None, fill(piece, size), reply_domain="reply.example"))


@pytest.mark.parametrize("piece", ["a ", "a\n", "> a\n", "On 1 Jan 2024 a wrote:\n"])
def test_work_against_a_long_mail_of_ours_is_linear(piece: str) -> None:
    check(lambda size: extract(fill(piece, size), None, sent=fill(piece, size)))


def test_a_page_too_large_or_too_deep_is_flattened() -> None:
    deep = extract(None, "<div>" * 5_000 + "deep" + "</div>" * 5_000 + "after")
    large = extract(None, "<p>large</p>" + "<!-- -->" * 300_000)
    assert "deep" in deep.text
    assert "after" in deep.text
    assert "large" in large.text


def test_what_comes_after_too_many_elements_is_kept() -> None:
    reply = extract(None, "<p>first</p>" + "<br>" * 30_000 + "<div><i>l</i>ast</div>")
    assert reply.text.startswith("first")
    assert "last" in reply.text


def test_what_comes_after_too_many_lines_is_kept() -> None:
    reply = extract("first\n" * 5_000 + "last", None)
    assert reply.text.endswith("last")
    assert extract("answer\n" + "> first\n" * 5_000 + "> last", None).text == "answer"


PIECES = st.sampled_from(sorted({*TEXTS.values(), *PAGES.values(), "Yes.\n", "\n", "-- \n", "  ", "\x00", "\ud800"}))
MAILS = st.lists(st.one_of(PIECES, st.text(max_size=40)), max_size=30).map("".join)


@given(MAILS)
@settings(max_examples=300, deadline=None)
def test_every_word_is_in_the_text_or_in_what_was_cut(mail: str) -> None:
    mail = mail.translate(dict.fromkeys(range(0xE002, 0xE005), " "))
    reply = extract(mail, None)
    words = sorted("".join(letter for letter in mail if letter.isalnum()))
    assert words == sorted(letter for letter in reply.text + reply.elided if letter.isalnum())


@given(MAILS, MAILS, MAILS)
@settings(max_examples=150, deadline=None)
def test_anything_ends_in_a_reply_without_our_secret(text: str, html: str, sent: str) -> None:
    reply = extract(text, html, reply_domain="reply.example", sent=sent)
    assert 0 <= reply.confidence <= 1
    assert "k3v7q2xw4m6np5rtz7ya2bcdefgh3j@reply.example" not in reply.text + reply.elided


@given(MAILS)
@settings(max_examples=100, deadline=None)
def test_a_mail_without_evidence_is_never_emptied(mail: str) -> None:
    reply = extract(f"hello\n{mail}", None)
    assert reply.text


def test_a_line_of_separators_that_no_reader_sees_is_blank() -> None:
    assert extract("Yes.\n\x1c\x1d\nAlice, +49 30 1234567", None).text == "Yes.\n\x1c\x1d\nAlice, +49 30 1234567"
