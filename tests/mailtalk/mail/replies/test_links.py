"""Links survive: HTML to text keeps where they lead when their text does not say, without scanners' wrappers."""

import pytest

from mailtalk.mail.replies.extract import extract
from mailtalk.mail.replies.quotes.links import unwrapped

SAFE = "https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fshare.example.com%2Ff%2F9&amp;data=05%7C"


def said(html: str) -> str:
    return extract(None, html, reply_domain="reply.example").text


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('See <a href="https://d.example/4">the contract</a> first.', "See the contract (https://d.example/4) first."),
        ('See <a href="https://d.example/c/42">https://d.example/c/42</a>', "See https://d.example/c/42"),
        ('See <a href="http://www.d.example/">d.example</a>.', "See d.example."),
        ('See <a href="https://d.example/long/path">d.example/lo…</a>', "See d.example/lo… (https://d.example/long/path)"),
        ('<a href="https://evil.example/">https://bank.example/</a>', "https://bank.example/ (https://evil.example/)"),
        ('<ul><li><a href="https://a.example/1">One</a><li><a href="https://a.example/2">Two</a></ul>',
         "- One (https://a.example/1)\n- Two (https://a.example/2)"),
        ('<table><tr><td><a href="https://a.example/go"><b>Open</b></a></table>', "Open (https://a.example/go)"),
        ('<p>Look:<p><a href="https://a.example/pic"><img src="cid:1"></a>', "Look:\n\nhttps://a.example/pic"),
        ('Hi <a href="https://f.example/me"><img width="24" src="cid:f"></a>', "Hi"),
        (f'<a href="{SAFE}">Open</a>', "Open (https://share.example.com/f/9)"),
        (f'<a href="{SAFE}">https://share.example.com/f/9</a>', "https://share.example.com/f/9"),
        ('Ask <a href="mailto:bob@x.example?subject=a">Bob</a>', "Ask Bob (bob@x.example)"),
        ('<a href="mailto:bob@x.example">bob@x.example</a>', "bob@x.example"),
        ('<a href="tel:+49301234567">+49 30 1234567</a>', "+49 30 1234567"),
        ('<a href="javascript:x()">a</a> <a href="#b">b</a> <a name="c">c</a> <a href="/d">d</a>', "a b c d"),
    ],
)  # fmt: skip
def test_where_a_link_leads_is_told_when_its_text_does_not(html: str, expected: str) -> None:
    assert said(html) == expected


def test_links_of_quotes_and_signatures_add_nothing() -> None:
    quote = '<div class="gmail_quote"><blockquote class="gmail_quote"><a href="https://y.example">why</a></blockquote></div>'
    signature = '<div class="gmail_signature"><a href="https://corp.example">Corp</a></div>'
    assert said(f"<p>Yes</p>{signature}{quote}") == "Yes"


def test_a_wrapped_link_in_plain_text_is_undone() -> None:
    assert extract(f"See {SAFE.replace('&amp;', '&')} ok", None).text == "See https://share.example.com/f/9 ok"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://urldefense.com/v3/__https://e.example/a?b=1__;!!abc", "https://e.example/a?b=1"),
        ("https://urldefense.com/v3/__https:/e.example/a__;!!abc$", "https://e.example/a"),
        ("https://urldefense.proofpoint.com/v2/url?u=https-3A__e.example_a-5Fb&d=x", "https://e.example/a_b"),
        ("https://www.google.com/url?q=https://e.example/&sa=D", "https://e.example/"),
        ("https://www.google.com/search?q=http://a.b", "https://www.google.com/search?q=http://a.b"),
        ("https://safelinks.example/?url=https://e.example", "https://safelinks.example/?url=https://e.example"),
        ("https://[broken", "https://[broken"),
    ],
)
def test_only_known_wrappers_are_undone(url: str, expected: str) -> None:
    assert unwrapped(url) == expected
