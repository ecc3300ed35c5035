"""Replies composed of text, signature and a client's quote, in every language: what was written is known beforehand."""

import re
from collections import Counter
from itertools import cycle

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.composed_replies import MAIL, PAGES, PLAIN, SIGNATURES, TONGUES, Tongue, from_headers

from mailtalk.mail.replies.extract import extract

EXACT, LEAKS, LOSES = 0.99, 0.01, 0.0  # shares of all composed replies
# Texts that resemble a quote, a header block or a signature.
RESEMBLING = {
    "en": (
        "Please call\nBob Baker\n+44 20 7946 0142",
        "The address is\n\nExample Ltd, 1 Main Street\n+44 20 7946 0999\ninfo@example.org",
        "From: London\nTo: Paris\nWhen: Thursday 10:00",
        "On Monday I wrote: nothing.\nOn Tuesday I wrote: still nothing.",
        "Thanks,\nI will come.",
        "----- Agenda -----\n10:00 tour\n11:00 lunch",
        "Original is with Carol.\nCopy attached.",
        "1) Yes\n2) No\n3) 020 7946 0142",
        "Cheers to that,\nBob! We did it. Call me at +44 20 7946 0142.",
        "My number\n\n+44 20 7946 0142\nbob@example.com",
        "Ask Bob Baker, Head of Purchasing\nExample Bakery Ltd\n+44 20 7946 0142",
        "Here is what Carol wrote:\n\nWe open at nine.\n\nFine, right?",
        "Name: Bob Baker\nDate: 3 December 2026\nSubject: Lunch",
        "Looking forward,\nBob Baker",
    ),
    "de": ("Von: Berlin\nNach: Hamburg\nAm: Donnerstag", "Danke!\nIch bringe den Plan mit.", "Gruß an Karla!"),
    "fr": ("De : Paris\nÀ : Lyon\nDate : jeudi", "Merci,\nje viendrai à 10:00."),
    "es": ("De: Madrid\nA: Sevilla\nFecha: jueves", "Para: los dos\nDe: mí"),
    "it": ("Da: Roma\nA: Milano\nData: giovedì",),
    "nl": ("Van: Utrecht\nAan: Rotterdam\nDatum: donderdag",),
    "ru": ("От: Москва\nКому: мне\nКогда: четверг",),
    "ja": ("住所は\n東京都千代田区1-1\n03-5555-0142\nです。",),
}
CLIENTS = [*((name, "plain") for name in PLAIN), *((name, "html") for name in PAGES)]


def answered(text: str, words: Tongue, client: tuple[str, str], author: str | None = None) -> str:
    """What is extracted of a text as a client sends it."""
    name, form = client
    author = author or f"{words.name} <{MAIL}>"
    if form == "html":
        return extract(None, PAGES[name](text, words), author=author).text
    return extract(PLAIN[name](text, words), None, author=author).text


def squeeze(text: str) -> str:
    return " ".join(text.split())


def share(part: str, whole: str) -> float:
    """Share of the words of one text that the other holds too."""
    inner, outer = (Counter(re.findall(r"\w+|[^\w\s]", text)) for text in (part, whole))
    return (inner & outer).total() / max(1, inner.total())


def test_every_signature_in_every_client_and_language() -> None:
    outcomes: Counter[str] = Counter()
    for words in TONGUES.values():
        texts = cycle(words.texts)
        for signature in SIGNATURES.values():
            stays, goes = signature(words)
            for client in CLIENTS:
                said = next(texts) + stays
                got = answered(said + goes, words, client)
                outcomes["all"] += 1
                outcomes["exact"] += squeeze(got) == squeeze(said)
                outcomes["loses"] += share(said, got) < 0.95  # as the public corpora count it
                outcomes["leaks"] += share(got, said) < 0.9
    assert outcomes["exact"] >= EXACT * outcomes["all"], outcomes
    assert outcomes["leaks"] <= LEAKS * outcomes["all"], outcomes
    assert outcomes["loses"] <= LOSES * outcomes["all"], outcomes


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_word_is_lost_whatever_stands_below(data: st.DataObject) -> None:
    language = data.draw(st.sampled_from(sorted(TONGUES)))
    words = msgspec.structs.replace(TONGUES[language], sign_off=data.draw(st.sampled_from(TONGUES[language].farewells)))
    author = data.draw(st.sampled_from([*from_headers(words), MAIL]))
    said = "\n\n".join(data.draw(st.lists(st.sampled_from(words.texts), min_size=1, max_size=3, unique=True)))
    stays, goes = SIGNATURES[data.draw(st.sampled_from(sorted(SIGNATURES)))](words)
    got = answered(said + stays + goes, words, data.draw(st.sampled_from(CLIENTS)), author)
    assert squeeze(got).startswith(squeeze(said + stays))


@pytest.mark.parametrize("client", CLIENTS)
def test_texts_that_resemble_a_quote_or_a_signature(client: tuple[str, str]) -> None:
    texts = [(text, TONGUES[language]) for language, each in RESEMBLING.items() for text in each]
    assert [text for text, words in texts if squeeze(answered(text, words, client)) != squeeze(text)] == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Fine.\n\nСуббота, 28 ноября 2026 г., 13:12:33, вы писали:\n\nA> Lunch at noon?", "Fine."),
        ("Fine.\n\nSaturday, November 28, 2026, 10:12:33 AM, you wrote:\n\nA> Lunch at noon?", "Fine."),
        ("Fine.\n\nAlice Moreau\n<alice@example.org> skrev 28. nov. 2026 kl. 11.12:\n\n> Lunch?", "Fine."),
        ("Fine.\n\n------ Sõnum ------\nFrom: a@example.org\nTo: b@example.org\nSubject: Lunch\n\nLunch?", "Fine."),
        ("Fine.\n\n      Original\n\nFrom: a@example.org\nSent Time: Oct 9, 2026\nSubject: x\n\nLunch?", "Fine."),
        ("Fine.\n\nTalk soon,\n\nBob Baker\nExample Bakery Ltd.\n+44 20 7946 0142\nbob@example.com", "Fine."),
        ("Fine.\n\nViele Grüße aus München\nBob Baker\nBäckerei Muster GmbH\n089 5550142", "Fine."),
        ("Fine.\n\nWith warmest regards\nBob Baker\nHead of all the purchasing, Example s.r.o.", "Fine."),
    ],
)
def test_kinds_that_were_missed(text: str, said: str) -> None:
    assert extract(text, None, author="Bob Baker <bob@example.com>").text == said


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("<style>p{margin-top:0px;margin-bottom:0px;}</style><p>One.</p><p>Two.</p>", "One.\nTwo."),
        ("<p>One.</p><p>Two.</p>", "One.\n\nTwo."),
        ("<p class=MsoNormal>One.</p><p class=MsoNormal>Two.</p>", "One.\nTwo."),
        ('<p class=MsoNormal style="margin-bottom:8pt">One.</p><p class=MsoNormal>Two.</p>', "One.\n\nTwo."),
        ("<div>One.</div><div>&nbsp;</div><div>Two.</div>", "One.\n\nTwo."),
        ("<div>One.</div><div> </div><div>Two.</div>", "One.\nTwo."),
        ("<html><body>One.</body></html>\n<html><body>Two.</body></html>", "One.\nTwo."),
        ("<html><body>One.</body></html>Two.", "One.\nTwo."),
        ("<p>Write to Carol <carol@example.com> instead.</p>", "Write to Carol <carol@example.com> instead."),
    ],
)
def test_paragraphs_as_clients_show_them(page: str, said: str) -> None:
    assert extract(None, page).text == said


def test_our_marker_does_not_stay_between_answers() -> None:
    text = "> --- Write your reply above this line ---\n>\n> Lunch at noon?\n\nYes.\n\n> The plan?\n\nReady.\n\n> Bye"
    assert "above this line" not in extract(text, None).text
