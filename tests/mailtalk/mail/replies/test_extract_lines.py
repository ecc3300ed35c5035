"""Single lines: what introduces a quote, what a telephone adds, and what only looks like it."""

import pytest

from mailtalk.mail.replies.extract import extract
from mailtalk.mail.replies.quotes.attributions import is_attribution, split_shared
from mailtalk.mail.replies.quotes.line_kinds import Kind, kind_of
from mailtalk.mail.replies.quotes.locales import fold


@pytest.mark.parametrize(
    "line",
    [
        "On Mon, Jan 1, 2024 at 10:00 AM Alice <a@b.example> wrote:",
        "On Thursday, June 27, 2024, alice via Kitchen wrote:",
        "On 10/12/24 12:30, Alice wrote:",
        "---- On Tue, 02 Jan 2024 14:17:36 +0530 Alice<a@b.example> wrote ----",
        "At 6/16/2024 08:32 PM, you wrote:",
        "In message <1@b.example>, Alice writes:",
        "In a message dated 1/2/2024 10:00:00 AM Eastern Standard Time, a@b.example writes:",
        "Alice via Kitchen wrote:",
        "Alice (a@b.example) wrote:",
        "Alice on 1/2/2024 at 10:00 wrote:",
        "Alice <a@b.example> schrieb am Di., 2. Jan. 2024 um 12:52 Uhr:",
        "Am 02.01.2024 um 10:00 schrieb Alice:",
        "Op 2 jan. 2024 om 16:48 heeft Alice <a@b.example> het volgende geschreven:",
        "søn. 30. apr. 2024 kl. 00.26 skrev Alice <a@b.example>:",
        '"Alice" <a@b.example> skrev følgende den 1. jan 2024 10:00:',
        'Den 1 jan. 2024 10:00 skrev "Alice" <a@b.example> följande:',
        "суббота, 14 марта 2024 г. пользователь alice написал:",
        "вт, 2 янв. 2024 г. в 23:39, Alice <a@b.example>:",
        "martes, 2 de enero de 2024, 9:56:16 -0400, Alice <a@b.example>:",
        "2024年1月2日(火) 10:00 Alice <a@b.example>:",
        "2024. 1. 2. 10:00, Alice <a@b.example> 작성:",
        "2024-01-02 17:21 GMT+01:00 Alice",
        "---- Alice wrote ----",
    ],
)
def test_an_attribution_is_known_by_itself(line: str) -> None:
    assert is_attribution(fold(line))


@pytest.mark.parametrize("line", ["Quoting Alice <a@b.example>:", "Alice said:", "26.06.2024, 14:41:"])
def test_less_is_enough_above_a_quote(line: str) -> None:
    assert not is_attribution(fold(line))
    assert is_attribution(fold(line), quote_follows=True)


@pytest.mark.parametrize(
    "line",
    [
        "On Thursday:",
        "At 10:30 he wrote:",
        "I wrote on 12/3/2024 to a@b.example:",
        "He wrote:",
        "2024-01-15 14:30:25",
        "Jan 15, 2024 at 14:30",
        "Le 3 mai, je viens avec 2 amis : Paul et Marie.",
        "On Monday we met at 10:00 and on 3 May 2024 John wrote to me.",
        "On 1 Jan 2024 " + "x" * 400 + " wrote:",
    ],
)
def test_what_a_person_says_is_no_attribution(line: str) -> None:
    assert not is_attribution(fold(line))


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        (
            "fine On Wed, Apr 4, 2024 at 3:59 PM, a@b.example wrote:",
            ["fine", "On Wed, Apr 4, 2024 at 3:59 PM, a@b.example wrote:"],
        ),
        ("fine --- On Wed, 4/4/24, Alice <a@b.example> wrote:", ["fine", "On Wed, 4/4/24, Alice <a@b.example> wrote:"]),
        (
            "On 4 Apr 2024, Alice <a@b.example> wrote: shall we",
            ["On 4 Apr 2024, Alice <a@b.example> wrote:", " shall we"],
        ),
        ("I am On 4 chairs:", ["I am On 4 chairs:"]),
        (
            "> On 4 Apr 2024, Alice <a@b.example> wrote: shall we",
            ["> On 4 Apr 2024, Alice <a@b.example> wrote: shall we"],
        ),
    ],
)
def test_an_attribution_that_shares_its_line(line: str, parts: list[str]) -> None:
    assert split_shared(line) == parts


@pytest.mark.parametrize(
    "line",
    [
        "Sent from my iPhone",
        "sent from my iphone",
        "Sent from my TI-85",
        "<<sent by galaxy>>",
        "(Sent from mobile device)",
        "Sent from my Verizon, Samsung Galaxy smartphone",
        "Sent from Mail<https://go.microsoft.com/fwlink/?LinkId=550986> for Windows",
        "[Sent from Yahoo Mail for iPhone](https://mail.example)",
        "Von meinem Mobilgerät gesendet",
        "Gesendet mit der GMX Mail App",
        "Envoyé à partir d’Outlook pour Android",
        "Obtenir Outlook pour iOS",
        "Enviado desde mi iPhone",
        "Inviato dal mio dispositivo Huawei",
        "Enviado do meu iPhone",
        "Verzonden vanaf mijn Galaxy",
        "Skickat från min Samsung-enhet",
        "Sendt fra min iPhone",
        "Lähetetty iPhonesta",
        "Wysłane z telefonu Samsung Galaxy",
        "Odesláno z iPhonu",
        "Отправлено из мобильной Почты Mail.ru",
        "Надіслано з iPhone",
        "iPhone'umdan gönderildi",
        "Android için Outlook uygulamasını edinin",
        "Στάλθηκε από το iPhone μου",
        "Az iPhone-omról küldve",
        "Trimis de pe iPhone-ul meu",
        "iPhoneから送信",
        "发自我的 iPhone",
        "從我的 iPhone 傳送",
        "나의 iPhone에서 보냄",
        "Đã gửi từ iPhone của tôi",
        "أُرسلت من الـ iPhone",
        "ส่งจาก iPhone ของฉัน",
        "נשלח מה-iPhone שלי",
        "Dikirim dari iPhone saya",
    ],
)
def test_what_a_telephone_adds(line: str) -> None:
    assert kind_of(line) == Kind.DEVICE


@pytest.mark.parametrize(
    "line",
    [
        "Sent from my desk, is much easier than my mobile phone.",
        "sent from the old office in 1998 when we moved",
        "Get Outlook for the new office machines and send me the bill please today",
        "Gesendet habe ich es gestern",
        "Inviato ieri da me",
        "Von meinem Bruder habe ich das Fahrrad",
        "De mon côté tout va bien",
        "From my phone I cannot open it",
        "获取更多信息",
    ],
)
def test_what_a_person_says_is_no_telephone(line: str) -> None:
    assert kind_of(line) == Kind.TEXT


def test_a_sentence_goes_on_below() -> None:
    text = "The parcel with the four new lamps for you was\nsent from Samsung yesterday\nand comes today."
    assert extract(text, None).text == text


@pytest.mark.parametrize(
    "quote",
    [
        "> View the ticket (http://b.example/action\n_nonce=3dd518)\n>\n",
        ">\n(http://b.example/c/YzOTYzMmE) >\n> life is short.\n",
        "> this is a long line of a quote that a relay on the way has cut in two\npieces of it\n> end\n",
    ],
)
def test_a_quote_that_a_relay_has_wrapped(quote: str) -> None:
    assert extract(f"Yes.\n\nOn 1 Jan 2024, Alice wrote:\n\n> hello\n{quote}", None).text == "Yes."


@pytest.mark.parametrize(
    "card",
    [
        "-- \nCarol\nOffice 12",
        "---\nCarol Diaz\nACME Inc.\n+1 555 123 4567",
        "_____\nlist mailing list\nlist@b.example",
        "-- Carol",
        "Carol Diaz\ncarol@b.example\n+1 (555) 123-4567",
        "You received this message because you are subscribed to the group.",
    ],
)
def test_a_signature_goes(card: str) -> None:
    assert extract(f"Yes, I think so.\n\n{card}", None).text == "Yes, I think so."


def test_indented_html_is_no_quote_and_outlooks_line_is_one() -> None:
    page = "<p>Yes</p><blockquote style='margin:0 0 0 40px;border:none;padding:0px'>indented</blockquote>"
    assert extract(None, page).text.split() == ["Yes", "indented"]
    assert extract(None, "<p>Yes</p><hr tabindex='-1'><p>quoted</p>").text == "Yes"
    assert extract(None, "<p>Yes</p><blockquote><div>Begin forwarded message:</div>x</blockquote>").text.endswith("x")


@pytest.mark.parametrize(
    "attribution",
    [
        "man. 3. mars 2025 kl.\n10:12 skrev Alice <a@b.example>:",
        "2025년 3월 3일 (월) 오전\n10:12, Alice <a@b.example>님이 작성:",
        "Vào Th 2, 3 thg 3, 2025\nvào lúc 10:12 Alice <a@b.example> đã viết:",
        "Alice <a@b.example>, 3 Mar\n2025 Pzt, 10:12 tarihinde şunu yazdı:",
        "Alice kirjoitti\n3.3.2025 klo 10.12:",
        "Alice kirjoitti 3.3.2025 klo 10.12:",
        "Wiadomość napisana przez Alice <a@b.example> w\ndniu 3 mar 2025, o godz. 10:12:",
        "Saatja: Alice <a@b.example>\nSaadetud: E, 3. märts 2025 10:12\nSaaja: Bob <b@b.example>\nTeema: Tere",
    ],
)
@pytest.mark.parametrize("quote", ["> Hi Bob,\n> on Tuesday?", "\nHi Bob,\non Tuesday?"])
def test_what_introduces_a_quote_may_be_wrapped_or_in_a_language_that_we_do_not_know(
    attribution: str, quote: str
) -> None:
    assert extract(f"Fine by me.\n\n{attribution}\n{quote}", None).text == "Fine by me."


@pytest.mark.parametrize(
    "said",
    [
        "Ask Bob <b@b.example> about the meeting 3/3/2025 at 10:30:\nhe knows all.",
        "Alice wrote 3/3/2025 10:12:\nsomething strange that I wanted to tell you.",
        "The log says (from <b@b.example>, 2025-03-03 10:12):\ndisk full",
        "Fine.\n\nName: Bob <b@b.example>\nWhen: 3 March 2025 10:12\nWhere: here",
    ],
)
def test_what_a_person_says_of_letters_and_dates_stays(said: str) -> None:
    assert extract(said, None).text == said


def test_what_a_person_quotes_before_the_answered_mail_is_theirs() -> None:
    attribution = "<div>On 11 Apr 2011, at 6:54 PM, Alice &lt;a@b.example&gt; wrote:</div>"
    page = f"<p>Look:</p><blockquote>Turn it off.</blockquote>{attribution}<blockquote>Hi</blockquote>"
    assert extract(None, page).text.split("\n") == ["Look:", "", "Turn it off."]
    said = "Look:\n> Turn it off.\n\nOn 11 Apr 2011, at 6:54 PM, Alice <a@b.example> wrote:\n> Hi"
    assert extract(said, None).text == "Look:\n> Turn it off."


def test_a_signature_by_pgp_is_nobodys_words() -> None:
    head = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n"
    foot = "-----BEGIN PGP SIGNATURE-----\n\niQEcBAEB\n=abc\n-----END PGP SIGNATURE-----\n"
    assert extract(f"{head}Yes.\n- - one\n{foot}", None).text == "Yes.\n- one"
    assert extract(f"{head}Yes.\n", None).text.endswith("Yes.")


def test_a_long_dash_begins_a_signature_only_above_an_address_card() -> None:
    assert extract("Yes.\n\n—\nBob Smith\nACME\n+49 30 1234567", None).text == "Yes."
    assert extract("Yes.\n\n—\n\nAnd now to something else.", None).text == "Yes.\n\n—\n\nAnd now to something else."
