"""Words that reading adds to a message: each language has all of them, and dates are written as it writes them."""

from datetime import UTC, date, datetime

import pytest

from mailtalk.mail.composing.texts import TEXTS as MAILS
from mailtalk.mail.parsing import parse
from mailtalk.mail.parsing.calendars import Invitation
from mailtalk.mail.reader import reading, wording

LUNCH = Invitation(
    "accepted",
    "Lunch",
    "Café",
    datetime(2026, 12, 3, 12, tzinfo=UTC),
    datetime(2026, 12, 3, 13, tzinfo=UTC),
    date(2026, 11, 27),
)


def test_every_language_of_our_mails_has_every_text() -> None:
    assert wording.TEXTS.keys() == MAILS.keys()
    assert {frozenset(texts) for texts in wording.TEXTS.values()} == {frozenset(wording.TEXTS["en"])}


@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("en", "Accepted: Lunch, Thu 3 Dec 12:00–13:00 UTC, Café"),
        ("de", "Zugesagt: Lunch, Do., 3. Dez. 12:00–13:00 UTC, Café"),
        ("fr", "Accepté: Lunch, jeu. 3 déc. 12:00–13:00 UTC, Café"),
        ("es", "Aceptado: Lunch, jue, 3 dic 12:00–13:00 UTC, Café"),
        ("it", "Accettato: Lunch, gio 3 dic 12:00–13:00 UTC, Café"),
        ("nl", "Geaccepteerd: Lunch, do 3 dec 12:00–13:00 UTC, Café"),
        ("pt", "Aceite: Lunch, qui., 3 de dez. 12:00–13:00 UTC, Café"),
        ("ja", "承諾: Lunch, 12月3日(木) 12:00–13:00 UTC, Café"),
    ],
)
def test_an_invitation_in_each_language(language: str, line: str) -> None:
    assert wording.invitation(LUNCH, language) == line


def test_days_of_another_year() -> None:
    fair = Invitation("cancelled", "Messe", start=date(2027, 1, 3), end=date(2027, 1, 5), stamp=date(2026, 11, 27))
    assert wording.invitation(fair, "de") == "Abgesagt: Messe, So., 3. Jan. 2027 – Mo., 4. Jan. 2027"


@pytest.mark.parametrize(
    ("locale", "language"),
    [("de-AT", "de"), ("pt_BR", "pt"), ("FR", "fr"), ("sv", "en"), ("", "en"), (None, "en"), ("../de", "en")],
)
def test_the_language_of_a_locale(locale: str | None, language: str) -> None:
    assert wording.language(locale) == language


def test_a_withheld_file_in_the_authors_language() -> None:
    secret = "k3v7q2xw4m6np5rtz7ya2bcdefgh3j@reply.example"
    raw = (
        "From: bob@example.com\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        "--b\r\nContent-Type: text/plain\r\n\r\nAnbei.\r\n--b\r\nContent-Type: application/pdf; name=plan.pdf\r\n\r\n"
        f"%PDF-1.4 {secret}\r\n--b--\r\n"
    ).encode()
    mail = reading.without_secrets(parse.parse(raw), "reply.example")
    said = reading.words(mail, own_domain="reply.example", sent=None, locale="de").text
    assert said == "Anbei.\n\n[Nicht angehängt, da eine private Antwortadresse darin steht: plan.pdf]"
