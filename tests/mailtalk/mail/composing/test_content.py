"""What our mails say: everything that was said, nothing else, small enough, and as its reader writes dates."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.notification_content import AT, content, parts

from mailtalk.mail.composing import colours, compose, link_slots, spans, style
from mailtalk.mail.composing.content import FileLink, ShownMessage
from mailtalk.mail.composing.texts import FIXED, TEXTS, fill, forms, holes, language

said = st.lists(st.text(st.characters(codec="utf-8", exclude_categories=("Cc",))), min_size=1, max_size=8)
few = settings(max_examples=60, deadline=None)
each_language = pytest.mark.parametrize("code", TEXTS)


class Words(HTMLParser):
    """What an HTML page says and links to."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words, self.tags, self.links = "", set[str](), list[str]()
        self.feed(html)

    def handle_data(self, data: str) -> None:
        self.words += data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in {"href", "src"}]


def squeeze(text: str) -> str:
    return " ".join(text.split())


def unmarked(text: str) -> str:
    """Without what Markdown may take for its own."""
    return re.sub(r"[*`>•.)0-9-]|\s", "", text)


@few
@given(said)
def test_both_parts_hold_what_was_said_and_no_tag_of_it(lines: list[str]) -> None:
    said_ = "\n".join([*lines, "<script>alert(1)</script><img src=x> </td></table> {{ 7 * 7 }} {% raw %}"])
    text, html = parts(content(said_))
    seen = spans.clean(said_)
    assert f"\n\n{seen}\n" in text
    page = Words(html)
    assert unmarked(seen) in unmarked(page.words)
    assert not {"script", "img"} & page.tags


def test_nothing_turns_the_direction_of_what_follows() -> None:
    for part in parts(content("a\u202eb\u2066c\x00d\u200fe", subject="x\u202ey")):
        assert not re.search("[\u202a-\u202e\u2066-\u2069\x00]", part)
        assert "abcd\u200fe" in part


def test_lines_of_dots_and_froms_survive() -> None:
    said_ = ".\n..\nFrom me\n.hidden\n-- \n--boundary--"
    assert said_ in parts(content(said_))[0]
    raw = link_slots.filled(compose.body(content(said_)).pieces, {})
    assert b"\r\n.\r\n" not in raw


def test_equal_contents_give_equal_bytes_and_links_are_the_readers_own() -> None:
    one, other = compose.body(content("same")), compose.body(content("same"))
    assert one == other
    links = {"conversation": "https://x.example/?a=1&b=2", "settings": "https://s.example/1", "unsubscribe": None}
    text, html = parts(content("same", links=frozenset({"conversation", "settings"})), links)
    assert "https://x.example/?a=1&b=2\n" in text
    assert {"https://x.example/?a=1&b=2", "https://s.example/1"} <= set(Words(html).links)
    assert "unsubscribe" not in (text + html).lower()


def test_mentions_and_links_are_shown() -> None:
    said_ = "<!!mention:bob|Bob> and <!!mention:eve|Eve>, see https://x.example/a_(b)?c=1&d=2. (http://y.example/)"
    text, html = parts(content(said_, reader_id="bob"))
    assert "@Bob and @Eve, see https://x.example/a_(b)?c=1&d=2. (http://y.example/)" in text
    assert re.search(r'class="you"[^>]*>@Bob</span>', html)
    assert re.search(r'class="mention"[^>]*>@Eve</span>', html)
    assert {"https://x.example/a_(b)?c=1&d=2", "http://y.example/"} <= set(Words(html).links)
    assert "mentions you" in html
    assert "mentions you" not in parts(content(said_))[1]


def test_a_plain_name_is_a_mention_where_the_message_says_so() -> None:
    made = [span.kind for span in spans.of("@Bob Tan, hi @BOB and bob@bob.example", "b", {"b": "bob", "c": "bob tan"})]
    assert made == ["mention", "text", "you", "text"]


@few
@given(st.text(alphabet="<!mention:a|>@b htps:/.()"))
def test_spans_are_the_whole_text(text: str) -> None:
    found = spans.of(text, "a", {"a": "b"})
    assert "".join(span.text for span in found) == spans.mentions.plain(text)
    assert all(span.url is None or span.url.startswith("http") for span in found)


def test_files_are_links_with_their_size() -> None:
    files = (
        FileLink("Plan \u202e<b>.pdf", "https://f.example/1?a=1&b=2", 1_240_000),
        FileLink("x", "https://f.example/2"),
    )
    lines = (ShownMessage("Alice", "", AT, files),)
    text, html = parts(content(lines=lines, count=1))
    assert "Plan <b>.pdf (1.2 MB): https://f.example/1?a=1&b=2\nx: https://f.example/2\n" in text
    assert {"https://f.example/1?a=1&b=2", "https://f.example/2"} <= set(Words(html).links)


def test_messages_of_one_sender_within_five_minutes_stand_below_one_name() -> None:
    said = [("Alice", 0), ("Alice", 4), ("Alice", 10), ("Bob", 11), ("Alice", 12)]
    lines = tuple(ShownMessage(name, f"at {minute}", AT + timedelta(minutes=minute)) for name, minute in said)
    text, html = parts(content(lines=lines, count=5))
    assert re.findall(r"^── (\w+) · ", text, re.MULTILINE) == ["Alice", "Alice", "Bob", "Alice"]
    assert html.count('class="who"') == html.count('class="initial"') == 4
    assert text.count("January 2, 2026") == html.count('class="day"') == 1


def test_two_senders_of_one_name_stay_apart() -> None:
    lines = tuple(ShownMessage("Alice", "hi", AT, author=author) for author in ("a1", "a2"))
    assert parts(content(lines=lines, count=2))[0].count("Alice · ") == 2


def test_each_day_is_named_once() -> None:
    lines = tuple(ShownMessage("Alice", "hi", AT + timedelta(hours=hours)) for hours in (0, 1, 24, 25))
    text = parts(content(lines=lines, count=4))[0]
    assert re.findall(r"January \d", text) == ["January 2", "January 3"]


def test_initials_keep_their_hue() -> None:
    named = {name: colours.hue(name) for name in map(str, range(100))}
    assert len({hue["tint"] for hue in named.values()}) == len(colours.HUES)
    assert all(hue == colours.hue(name) for name, hue in named.items())


def test_many_messages_stay_under_the_clip_and_the_newest_are_shown() -> None:
    long = tuple(ShownMessage("Alice", f"{n:03} " + "größer & 漢字 " * 200, AT) for n in range(120))
    text, html = parts(content(lines=long, count=120))
    shown = re.findall(r"^(\d{3}) g", text, re.MULTILINE)
    assert shown == [f"{n:03}" for n in range(120 - len(shown), 120)]
    assert 3 < len(shown) < 50
    for part in (text, html):
        assert f"{120 - len(shown)} earlier messages are not shown here." in part
    assert "earlier" not in parts(content("a", "b"))[0]


@few
@given(
    st.sampled_from(["&", '"', "😀", "\n", "漢", "http://a ", "<!!mention:a|b>", "@b ", "  "]), st.integers(1, 100_000)
)
def test_one_message_of_any_kind_stays_under_the_clip(piece: str, count: int) -> None:
    made = compose.body(content((piece * count)[:100_000]))
    html = bytes(link_slots.filled(made.pieces, {})).partition(b"Content-Type: text/html")[2]
    assert len(html) < 100_000
    if len(piece) * count > 20_000:
        assert b"Message shortened." in html


@each_language
def test_who_may_not_reply_is_told_and_gets_no_marker(code: str) -> None:
    text, html = parts(content("hi", language=language(code, None), may_reply=False))
    assert TEXTS[code]["marker"] not in text + html
    assert TEXTS[code]["read_only"] in text
    assert TEXTS[code]["reply"] not in text + html


@each_language
def test_privacy_says_how_many_and_nothing_else(code: str) -> None:
    secret = style.Style(privacy=True)
    spoken = language(code, None)
    made = content(style=secret, language=spoken, count=3)
    text, html = parts(made)
    shown = fill(TEXTS[code]["new"]["other"], {"count": "3", "app": "Demo"})
    assert shown in text
    assert shown in html
    assert compose.body(made).subject == fill(TEXTS[code]["subject"], {"app": "Demo"})
    assert compose.sender(made, ("Alice",)) == "Demo"
    assert not re.search("Alice|Hello", text + html)


@each_language
def test_each_language_has_every_text_with_the_same_holes(code: str) -> None:
    ours, english = TEXTS[code], TEXTS["en"]
    assert ours.keys() == english.keys()
    for key in ours.keys() - FIXED:
        kinds = set(language(code, None).locale.plural_form.tags) | {"other"}
        assert set(forms(ours[key])) <= kinds
        for form in forms(ours[key]).values():
            assert holes(form) == holes(forms(english[key])["other"])
            assert form == form.strip() != ""


@pytest.mark.parametrize(
    ("locale", "zone", "shown"),
    [
        ("en", "Europe/Berlin", "May 2, 2026, 9:05 PM CEST"),
        ("en-GB", "Europe/London", "2 May 2026, 20:05 BST"),
        ("de", "Europe/Berlin", "2. Mai 2026, 21:05 MESZ"),
        ("fr-CA", "America/Toronto", "2 mai 2026, 15 h 05 HAE"),
        ("es", "Europe/Madrid", "2 de mayo de 2026, 21:05 CEST"),
        ("it", "Asia/Kathmandu", "3 maggio 2026, 00:50 GMT+05:45"),
        ("nl", None, "2 mei 2026, 19:05 UTC"),
        ("pt_BR", "America/Sao_Paulo", "2 de maio de 2026 16:05 BRT"),
        ("ja", "Asia/Tokyo", "2026年5月3日 4:05 JST"),
        ("tlh", "Mars/Olympus", "May 2, 2026, 7:05 PM UTC"),
        ("x" * 5000, "../../etc/passwd", "May 2, 2026, 7:05 PM UTC"),
        ("DE_de.UTF-8", "", "2. Mai 2026, 19:05 UTC"),
    ],
)
def test_a_moment_is_written_as_its_reader_writes_it(locale: str, zone: str | None, shown: str) -> None:
    assert language(locale, zone).moment(datetime(2026, 5, 2, 19, 5, tzinfo=UTC)) == shown


@pytest.mark.parametrize(("code", "number", "shown"), [
    ("en", 1, "You have 1 new message."), ("en", 1234, "You have 1,234 new messages."),
    ("de", 1, "Sie haben 1 neue Nachricht."), ("fr", 1, "Vous avez 1 nouveau message."),
    ("es", 1_000_000, "Tiene 1.000.000 mensajes nuevos."), ("ja", 1, "新着メッセージが 1 件あります。"),
])  # fmt: skip
def test_what_is_counted_is_in_the_right_form(code: str, number: int, shown: str) -> None:
    assert language(code, None).count("new", number, app="Demo") == shown


@pytest.mark.parametrize(
    ("size", "shown"), [(5, "5 B"), (999, "999 B"), (1_500, "1.5 kB"), (348_000, "348 kB"), (25_000_000, "25 MB")]
)
def test_sizes_are_short(size: int, shown: str) -> None:
    assert language("en", None).size(size) == shown


def test_the_sender_is_who_wrote_via_the_app() -> None:
    made = content("hi")
    assert compose.sender(made, ("Alice",)) == "Alice via Demo"
    assert compose.sender(made, ("Alice", "Bob", "Carol", "Dave", "Eve")) == "Alice, Bob, Carol +2 via Demo"
    assert compose.sender(made, ("",)) == "Demo"
    for name in ("CEO <ceo@x.example>", "ceo\uff20x.example", "a\u202eb\r\nBcc: e@x", "x" * 500):
        shown = compose.sender(replace(made, app="y" * 500), (name,))
        assert shown.endswith(" via " + "y" * 50)
        assert not re.search("[<>@\uff20\u202e\r\n]", shown)
        assert len(shown) <= 100
