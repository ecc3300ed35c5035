"""Cutting never splits a grapheme cluster, a URL or a mention; URLs end where a person would end them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wcwidth import iter_graphemes

from mailtalk import mentions
from mailtalk.mail import address, truncation, urls

NAMES = {"bob": "Bob Baker", "ana": "Ana"}
PIECES = (
    *("👨‍👩‍👧", "🇩🇪", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "👍🏽", "é", "क्षि", "각", "می‌خواهم", "a", " ", "\n", "日本語", "สวัสดี"),
    *(
        "https://example.com/a?b=1",
        "(https://example.com/x_(y))",
        "http://ja.example/日本",
        "<!!mention:bob|Bob Baker>",
    ),
    *("<!!mention:x\\|y|A\\>B>", "@Bob Baker", "@Ana", "www.example.com", "!?", "\u200d", "\u0301"),
)
texts = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


def boundaries(text: str) -> set[int]:
    ends = {0}
    for cluster in iter_graphemes(text):
        ends.add(max(ends) + len(cluster))
    return ends


def wholes(text: str) -> list[tuple[int, int]]:
    return [*urls.find(text), *((each.start, each.end) for each in mentions.find(text, NAMES))]


@given(texts, st.integers(1, 80))
@settings(max_examples=400, deadline=None)
def test_a_cut_is_never_within_a_grapheme_a_url_or_a_mention(text: str, limit: int) -> None:
    kept = truncation.cut(text, limit, NAMES)
    assert text.startswith(kept)
    assert len(kept) <= limit
    if kept != text and kept and not alone(text, limit):
        assert len(kept) in boundaries(text)
        assert not [(start, end) for start, end in wholes(text) if start < len(kept) < end]


def alone(text: str, limit: int) -> bool:
    """One thing that is longer than the limit stands first: it has to be cut."""
    return any(start == 0 and end > limit for start, end in wholes(text)) or min(boundaries(text) - {0}) > limit


@given(texts, st.integers(1, 200))
def test_bytes_are_counted_as_utf8(text: str, limit: int) -> None:
    assert len(truncation.cut_bytes(text, limit, NAMES).encode()) <= limit


def test_initials_are_whole() -> None:
    assert [truncation.first(name) for name in ("👨‍👩‍👧 Family", "Élodie", "")] == ["👨‍👩‍👧", "É", ""]


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("See https://a.example/x.", "https://a.example/x"),
        ("(see https://a.example/x)", "https://a.example/x"),
        ("https://en.example/wiki/A_(b)", "https://en.example/wiki/A_(b)"),
        ("(https://en.example/wiki/A_(b)).", "https://en.example/wiki/A_(b)"),
        ("[https://a.example/x], {https://a.example/x}", "https://a.example/x"),
        ("“https://a.example/x”", "https://a.example/x"),
        ("«https://a.example/x»", "https://a.example/x"),
        ("'https://a.example/x'", "https://a.example/x"),
        ("**https://a.example/x**", "https://a.example/x"),
        ("https://a.example/x…", "https://a.example/x"),
        ("https://a.example's page", "https://a.example"),
        ("https://a.example/x、次に", "https://a.example/x"),
        ("https://a.example/xを見て", "https://a.example/x"),
        ("https://a.example에서", "https://a.example"),
        ("（https://a.example/x）", "https://a.example/x"),
        ("https://a.example/x。", "https://a.example/x"),
        ("https://a.example/x، ثم", "https://a.example/x"),
        ("https://a.example/x؟", "https://a.example/x"),
        ("https://a.example/x।", "https://a.example/x"),
        ("https://ja.example/wiki/日本", "https://ja.example/wiki/日本"),
        ("https://例え.example/x", "https://例え.example/x"),
        ("https://münchen.example/ä", "https://münchen.example/ä"),
        ("HTTPS://A.example/?q=a,b;c!d", "HTTPS://A.example/?q=a,b;c!d"),
    ],
)
def test_a_url_ends_where_a_person_would_end_it(text: str, url: str) -> None:
    start, end = next(urls.find(text))
    assert text[start:end] == url


def test_one_address_in_two_cases_is_one() -> None:
    mailboxes = ["Bob@X.example", "a@x.example", "bob@x.example", "b@MÜNCHEN.example", "b@xn--mnchen-3ya.example"]
    assert address.distinct(mailboxes) == ["Bob@X.example", "a@x.example", "b@MÜNCHEN.example"]
