"""Light Markdown in mails: what is marked is shown so, what is not stays as typed, and nothing of it is HTML."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.notification_content import content, parts

from mailtalk.mail.composing import formatting, spans

few = settings(max_examples=200, deadline=None)


def rows(text: str) -> list[tuple[str, list[tuple[str, str]]]]:
    return [
        (row.kind, [(span.kind, span.text) for span in row.spans]) for row in formatting.rows(spans.of(text, "bob"))
    ]


DOT = ("text", "•\u00a0")
MENTION = "- <!!mention:bob|Bob> at https://x.example"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("**now** or `never`", [("text", [("bold", "now"), ("text", " or "), ("code", "never")])]),
        ("2 ** 3 ** 4 and a*b*c", [("text", [("text", "2 ** 3 ** 4 and a*b*c")])]),
        ("**open\nand `open", [("text", [("text", "**open\nand `open")])]),
        ("a\n\nb", [("text", [("text", "a\n\nb")])]),
        ("- one\n* **two**", [("item", [DOT, ("text", "one")]), ("item", [DOT, ("bold", "two")])]),
        ("1. one\n- ", [("item", [("text", "1.\u00a0"), ("text", "one")]), ("text", [("text", "- ")])]),
        ("-- \nBob", [("text", [("text", "-- \nBob")])]),
        ("> said\n> so\nyes", [("quote", [("text", "said\nso")]), ("text", [("text", "yes")])]),
        ("```py\n- a\n**b**\n```\nend", [("code", [("code", "- a\n**b**")]), ("text", [("text", "end")])]),
        ("```\na\n```\n```\nb\n```", [("code", [("code", "a")]), ("code", [("code", "b")])]),
        ("```\nnever closed", [("text", [("text", "```\nnever closed")])]),
        (MENTION, [("item", [DOT, ("you", "@Bob"), ("text", " at "), ("link", "https://x.example")])]),
    ],
)
def test_what_is_marked_is_shown_so(text: str, expected: object) -> None:
    assert rows(text) == expected


@few
@given(st.text(alphabet="*`>-1.) \nab@<&"))
def test_every_word_is_kept(text: str) -> None:
    shown = "".join(span.text for row in formatting.rows(spans.of(text)) for span in row.spans)
    letters = set("ab@<&")
    kept = [letter for letter in shown if letter in letters]
    fences = [line for line in text.split("\n") if line.strip().startswith("```")]
    if not fences:
        assert kept == [letter for letter in text if letter in letters]


def test_html_in_it_stays_text() -> None:
    html = parts(content("**<b>x</b>** `<script>`\n- <img src=x>"))[1]
    assert "<b>&lt;b&gt;x&lt;/b&gt;</b>" in html
    assert "<script>" not in html
    assert "<img src=x>" not in html
