"""The order of evidence, and what each rule may and may not cut."""

import pytest

from mailtalk.mail.replies.extract import extract
from mailtalk.mail.replies.marker import MARKERS, QUOTE_CLASS
from mailtalk.mail.replies.quotes.locales import PHRASES, Role

TOKEN = "k3v7q2xw4m6np5rtz7ya2bcdefgh3j"
SENT = f"""{MARKERS[0]}

Alice wrote on 02 May 2026, 10:00 UTC:

Shall we take the larger room on Thursday? It has a window to the yard.
"""
QUOTED = "".join(f"> {line}\n" for line in SENT.splitlines())


def test_our_marker_cuts_without_any_attribution() -> None:
    reply = extract(f"Yes.\n\nblorg\n{SENT}", None)
    assert reply.text == "Yes.\n\nblorg"
    assert (reply.method, reply.confidence) == ("marker", 1.0)


@pytest.mark.parametrize("line", [MARKERS[0], f"*{MARKERS[0]}*", MARKERS[0].upper(), MARKERS[0].strip("- ")])
def test_a_mangled_marker_cuts(line: str) -> None:
    assert extract(f"Yes.\n{line}\nAlice", None).text == "Yes."


def test_our_address_cuts_in_a_language_nobody_knows_and_is_scrubbed() -> None:
    reply = extract(f"Jah.\n\nXq 2 blorg 10:00 <{TOKEN}@reply.example> zorp\nhello", None, reply_domain="reply.example")
    assert (reply.text, reply.method) == ("Jah.", "own-address")
    assert TOKEN not in reply.elided
    assert "…" in reply.elided


@pytest.mark.parametrize(
    "shape", ["{}@reply.example", "{}@REPLY.Example", "mailto:{}@reply.example", "{}%40reply.example"]
)
def test_our_address_is_scrubbed_in_every_shape(shape: str) -> None:
    pasted = shape.format(TOKEN)
    reply = extract(f"It is {pasted} I think", f"<p>It is {pasted}</p>", reply_domain="reply.example")
    assert TOKEN not in reply.text
    assert reply.text.startswith("It is")


def test_the_text_we_sent_cuts_however_it_is_wrapped() -> None:
    wrapped = SENT.split("\n", 2)[2].replace(" on Thursday?", "\non Thursday?")
    reply = extract(f"Yes.\n\n{wrapped}", None, sent=SENT)
    assert (reply.text, reply.method) == ("Yes.", "sent-text")


def test_a_short_answer_that_repeats_our_words_is_kept() -> None:
    assert extract("the larger room", None, sent=SENT).text == "the larger room"


def test_a_container_cuts() -> None:
    reply = extract(None, "<p>Yes.</p><blockquote type=cite>Xq blorg zorp</blockquote>")
    assert (reply.text, reply.method) == ("Yes.", "container")


def test_our_element_is_a_container_whatever_prefix_it_got() -> None:
    for name in (QUOTE_CLASS, f"m_-123456{QUOTE_CLASS}", f"x_{QUOTE_CLASS}"):
        assert extract(None, f"<p>Yes.</p><div class='{name}'>Shall we?</div>").text == "Yes."


def test_the_classifier_cuts() -> None:
    reply = extract("Yes.\n\nOn Mon, 1 Jan 2024 at 10:00, A <a@b.example> wrote:\n> x", None)
    assert (reply.text, reply.method) == ("Yes.", "classifier")
    assert reply.elided.startswith("On Mon")


def test_the_signature_goes_last() -> None:
    reply = extract("Yes.\n-- \nCarol", None)
    assert (reply.text, reply.elided, reply.method) == ("Yes.", "-- \nCarol", "signature")


@pytest.mark.parametrize(
    "text",
    [
        "-- \nCarol",
        "One\n--\ntwo\n--\nthree",
        "Title\n------\none\ntwo",
        "Sent from my desk, is much easier than my mobile phone.",
        "We sent from our phone 12 mails",
        "Kind regards,\nCarol",
        "Look:\n\n```\n-- a comment\n> a prompt\nFrom: x@y.example\nTo: z\nSubject: s\n```\nfine",
        "Name: X\nDate: 1/2/2024\nEmail: x@y.example\nSubject: hello",
        "Von: Berlin\nNach: Hamburg\nDatum: morgen",
        "On Thursday:\n\nwe meet",
        "At 10:30 he wrote:\n\nhello",
        "Her details:\n\nCarol Diaz\ncarol@b.example\n+1 (555) 123-4567",
        "1.1.1.1,www.google.com\n8.8.8.8,www.example.com",
        "> a line somebody said\n\nI agree.",
    ],
)
def test_what_a_person_wrote_is_kept_whole(text: str) -> None:
    assert extract(text, None).text == text


def test_answers_between_quoted_lines_stay_with_them() -> None:
    reply = extract("On 1 Jan 2024, Alice wrote:\n> one?\nYes.\n> two?\nNo.\n> bye", None)
    assert reply.text == "> one?\nYes.\n> two?\nNo."


def test_an_answer_below_a_quote_stands_alone() -> None:
    assert extract(f"On 1 Jan 2024, Alice wrote:\n{QUOTED}\nYes.", None).text == "Yes."


def test_answers_between_our_unmarked_lines_are_found() -> None:
    mixed = SENT.replace("yard.\n", "yard.\n\nYes!\n\n") + "Just reply to this mail: it appears in the conversation."
    sent = SENT + "Just reply to this mail: it appears in the conversation."
    reply = extract(f"See below.\n\nFrom: A <a@b.example>\nTo: C\nSubject: D\n\n{mixed}", None, sent=sent)
    assert reply.text.split() == ["See", "below.", "Yes!"]


def test_a_quote_alone_is_an_empty_answer() -> None:
    assert extract(f"On 1 Jan 2024, Alice wrote:\n{QUOTED}", None).text == ""


def test_what_stands_below_our_marker_is_kept_with_little_confidence() -> None:
    reply = extract(f"{SENT}\n\nYes.", None)
    assert reply.text.endswith("Yes.")
    assert reply.confidence < 0.5
    known = extract(f"{SENT}\n\nYes.", None, sent=SENT)
    assert (known.text, known.confidence) == ("Yes.", 1.0)


def test_a_forward_is_whole_unless_told_otherwise() -> None:
    mail = "See this\n\n---------- Forwarded message ---------\nFrom: P <p@q.example>\nSubject: S\n\nThe offer"
    assert extract(mail, None).text == mail
    assert extract(mail, None).method == "forward"
    assert extract(mail, None, keep_forwards=False).text == "See this"


def test_a_forward_of_our_own_mail_is_a_quote() -> None:
    mail = f"See this\n\n---------- Forwarded message ---------\nFrom: A <{TOKEN}@reply.example>\n\n{SENT}"
    assert extract(mail, None, reply_domain="reply.example").text == "See this"


def test_the_text_part_is_preferred() -> None:
    assert extract("plain", "<p>html</p>").text == "plain"
    assert extract(" \n", "<p>html</p>").text == "html"


def test_nothing_gives_nothing() -> None:
    assert extract(None, None).text == ""
    assert extract("", "").text == ""


def test_quotes_of_right_to_left_mails() -> None:
    assert extract("\u202bשלום\u202c\n\n\u202b> שלום\u202c\n\u200f> x", None).text == "\u202bשלום\u202c"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_line_end(end: str) -> None:
    assert extract(end.join(["Yes.", "", "On 1 Jan 2024, A wrote:", "> x"]), None).text == "Yes."


def test_html_is_laid_out_as_text() -> None:
    page = "<ol><li>a<li>b</ol><pre>x\n  y</pre><table><tr><td>1<td>2</table><style>p{}</style><p hidden>z"
    assert extract(None, page).text.split("\n") == ["1. a", "2. b", "", "x", "  y", "", "1 2", "", "z"]


def test_every_language_has_its_words() -> None:
    said = {"wrote", "schrieb", "a écrit", "escribió", "ha scritto", "escreveu", "schreef", "skrev", "kirjoitti"}
    said |= {"napisał(a)", "napsal(a)", "написал", "пише", "yazdı", "έγραψε", "a scris", "写道", "寫道", "님이 작성"}
    said |= {"đã viết", "כתב", "كتب", "เขียนว่า", "menulis", "のメール", "ezt írta"}
    assert said <= set(PHRASES.wrote)
    assert Role.FROM in PHRASES.roles["差出人"]
    assert PHRASES.roles["de"] == {Role.FROM}


def test_a_link_that_works_without_a_login_is_hidden_wherever_it_stands() -> None:
    token = "Ab-_" * 10 + "xyz"
    wrapped = f"https://filter.example/?url=https%3A%2F%2Fm.example%2Fsettings%2F{token}&data=1"
    said = f"See https://m.example/unsubscribe/{token} and {wrapped}\n\nOn 1 Jan 2024, Alice <a@b.example> wrote:\n"
    reply = extract(f"{said}> https://m.example/settings/{token}", None, reply_domain="reply.example")
    assert token not in reply.text + reply.elided
    assert "https://m.example/unsubscribe/…" in reply.text
    assert "/settings/abc" in extract("/settings/abc", None, reply_domain="reply.example").text
