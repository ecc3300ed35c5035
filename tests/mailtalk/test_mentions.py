"""Whom a text mentions, and how it reads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtalk import mentions

NAMES = {"carol": "c-1", "bob smith": "b-1", "zoë": "z-1", "a.b (x)": "p-1"}


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("nobody", []),
        ("<!!mention:carol|Carol> look", ["carol"]),
        ("<!!mention:b|B> <!!mention:a|A> <!!mention:b|Again>", ["b", "a"]),
        ("<!!mention:id with / and ü|>", ["id with / and ü"]),
        ("<!!mention:|Nobody>", []),
        ("<!mention:carol|Carol>", []),
        ("<!!mention:carol>", []),
        ("<!!mention:a<b|Carol>", []),
        (f"<!!mention:{'i' * 255}|>", ["i" * 255]),
        (f"<!!mention:{'i' * 256}|>", []),
    ],
)
def test_markup(text: str, ids: list[str]) -> None:
    assert mentions.of_text(text) == ids


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("hi @Carol", ["c-1"]),
        ("@carol, @CAROL!", ["c-1"]),
        ("@Bob Smith: yes", ["b-1"]),
        ("@Bob", []),
        ("@Carolina", []),
        ("mail me: x@carol", []),
        ("(@Zoë)", ["z-1"]),
        ("@a.b (x)", ["p-1"]),
        ("@aXb (x)", []),
        ("@Carol and <!!mention:dave|Dave>", ["dave", "c-1"]),
    ],
)
def test_a_name_behind_an_at_sign_counts_in_a_mail(text: str, ids: list[str]) -> None:
    assert mentions.of_mail(text, NAMES) == ids


@pytest.mark.parametrize(
    ("text", "plain"),
    [("<!!mention:c|Carol> hi", "@Carol hi"), ("<!!mention:c|> hi", "@c hi"), ("a < b > c", "a < b > c")],
)
def test_a_person_reads_the_name(text: str, plain: str) -> None:
    assert mentions.plain(text) == plain


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    assert len(mentions.plain(text)) <= len(text)
    assert mentions.of_mail(text, {}) == mentions.of_text(text)
