"""Whom a text mentions, and how it reads."""

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtalk import mentions
from mailtalk.mail.composing import spans

NAMES = {"c-1": "carol", "b-1": "bob smith", "z-1": "zoë", "p-1": "a.b (x)"}


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


@pytest.mark.parametrize(
    ("text", "names", "ids"),
    [
        ("@Ann Lee and nobody else", {"a": "Ann", "l": "Ann Lee"}, ["l"]),
        ("@Ann Leeds", {"a": "Ann", "l": "Ann Lee"}, ["a"]),
        ("@Sam", {"1": "Sam", "2": "SAM", "3": "Samu"}, ["1", "2"]),
        ("@太郎さん、見て", {"t": "太郎"}, ["t"]),
        ("ねえ@太郎", {"t": "太郎"}, ["t"]),
        ("@민수님 보세요", {"m": "민수"}, ["m"]),
        ("@สมชายครับ", {"s": "สมชาย"}, ["s"]),
        ("@王小明你好", {"w": "王小明", "x": "王小"}, ["w"]),
        ("＠Bob 見て", {"b": "Bob"}, ["b"]),
        ("@Zoe\u0308", {"z": "Zo\u00eb"}, ["z"]),
        ("@\u1106\u1175\u11ab\u1109\u116e", {"m": "\ubbfc\uc218"}, ["m"]),
        ("@STRASSE", {"s": "Straße"}, ["s"]),
        ("@Bob\u00a0Smith", {"b": "Bob Smith"}, ["b"]),
        ("@Bob\r\n  Smith", {"b": "Bob\u00a0Smith"}, ["b"]),
        ("@Bob_2", {"b": "Bob"}, []),
        ("@Bob's", {"b": "Bob"}, ["b"]),
        ("https://example.com/@Bob", {"b": "Bob"}, []),
        ("`@Bob`", {"b": "Bob"}, []),
        ("``a ` @Bob``", {"b": "Bob"}, []),
        ("` @Bob", {"b": "Bob"}, ["b"]),
        ("```\n@Bob\n```\n@Ann", {"b": "Bob", "a": "Ann"}, ["a"]),
        ("~~~\n@Bob", {"b": "Bob"}, []),
        ("<pre>@Bob</pre> @Ann", {"b": "Bob", "a": "Ann"}, ["a"]),
        ("<!!mention:x|@Bob>", {"b": "Bob"}, ["x"]),
    ],
)
def test_the_name_that_stands_there(text: str, names: dict[str, str], ids: list[str]) -> None:
    assert mentions.of_mail(text, names) == ids
    assert [name for mention in mentions.find(text, names) for name in mention.user_ids] == ids


@pytest.mark.parametrize(
    ("text", "ids", "plain"),
    [
        (r"<!!mention:a\|b\>c|D \<E\>> hi", ["a|b>c"], "@D <E> hi"),
        (r"<!!mention:DOMAIN\bob|Bob>", [r"DOMAIN\bob"], "@Bob"),
        (r"<!!mention:a\\|B>", ["a\\"], "@B"),
        ("<!!mention:carol>", [], "@carol"),
        ("<!!mention:|Nobody>", [], "@Nobody"),
        ("<!!mention:a<b|Carol>", [], "@Carol"),
        ("see <!!mention:carol|Carol", [], "see @Carol"),
        ("<!!mention:", [], ""),
        ("<!!mention:a|<!!mention:b|B>", ["b"], "@a@B"),
    ],
)
def test_markup_takes_any_id_and_is_never_shown_raw(text: str, ids: list[str], plain: str) -> None:
    assert mentions.of_text(text) == ids
    assert mentions.plain(text) == plain


PIECES = st.sampled_from(
    (
        *"@ \n`<>|\\.e\u0301한さ",
        *("@bob", "@Bob Smith", "@BOB\u00a0SMITH", "@太郎", "さん", "@Zoë", "@Zoe\u0308", "\u200d"),
        *("```\n", "<pre>", "</pre>", "<!!mention:b|Bob>", "<!!mention:", "https://x.example/", "x@bob.example"),
    )
)
PEOPLE = {"b": "Bob", "s": "Bob Smith", "t": "太郎", "z": "Zoë", "b2": "bob", "at": "@", "": "x"}


@given(st.lists(PIECES, max_size=12).map("".join))
def test_who_is_told_is_who_is_highlighted(text: str) -> None:
    told = mentions.of_mail(text, PEOPLE)
    for reader in PEOPLE:
        highlighted = any(span.kind == "you" for span in spans.of(text, reader, PEOPLE))
        assert highlighted == (reader in told)
        if reader in told:  # a mail knows the names of those who are told only
            assert any(
                span.kind == "you" for span in spans.of(text, reader, {user: PEOPLE.get(user, "") for user in told})
            )


@given(st.lists(PIECES, max_size=12).map("".join))
def test_mentions_follow_each_other_and_markup_is_never_shown(text: str) -> None:
    found = mentions.find(text, PEOPLE)
    assert all(one.end <= other.start for one, other in pairwise(found))
    assert "<!!mention:" not in "".join(span.text for span in spans.of(text, None, PEOPLE))


@pytest.mark.parametrize("piece", ["@", "`", "<pre>", "<!!mention:\\", "<!!mention:a|", "@bob ", "```\n", "` `` "])
def test_a_hostile_text_takes_no_longer_than_its_length(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    clock = time.thread_time()
    mentions.of_mail(text, PEOPLE)
    assert time.thread_time() - clock < 5


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    assert len(mentions.plain(text)) <= len(text)
    assert mentions.of_mail(text, {}) == mentions.of_text(text)
