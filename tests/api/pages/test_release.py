"""The page behind "was this you?": a question for people, not for programs that open every link."""

import re

import httpx
import pytest
from support.cast import Cast
from support.inbox import quarantined
from support.sql import column, rows

from api.pages import words
from mailtalk import clock
from mailtalk.inbound import quarantine
from mailtalk.keys import Keyring

OUTCOME = "SELECT outcome, released_at IS NOT NULL FROM inbound_mails"


@pytest.fixture
def link(api: str, cast: Cast, keyring: Keyring) -> str:
    mail_id = int(quarantined(cast, "alice").removeprefix("mail_"))
    return quarantine.link(keyring, api, mail_id, clock.now())


def kept(cast: Cast, address: str = "bob@gmail.example", excerpt: str = "It is me") -> None:
    """The question as the worker keeps it."""
    keep = """INSERT INTO sender_questions (mail_id, app_id, address, excerpt, asked_at)
        SELECT id, app_id, :address, :excerpt, now() FROM inbound_mails"""
    rows(cast.database, keep, address=address, excerpt=excerpt)


def buttons(page: str) -> list[str]:
    return re.findall(r'<button name="answer" value="(\w+)"', page)


def test_looking_releases_nothing(link: str, cast: Cast) -> None:
    for method in ("GET", "HEAD", "GET"):
        answer = httpx.request(method, link)
        assert answer.status_code == 200
    assert "replied to “Hello” in Demo as you" in answer.text
    assert "<button" in answer.text
    assert [tuple(row) for row in rows(cast.database, OUTCOME)] == [("quarantined", False)]


@pytest.mark.parametrize("code", words.TEXTS)
def test_it_speaks_the_users_language(link: str, cast: Cast, code: str) -> None:
    rows(cast.database, "UPDATE users SET locale = :code, time_zone = 'Asia/Tokyo' WHERE id = 'alice'", code=code)
    rows(cast.database, "UPDATE inbound_mails SET received_at = '2026-01-02T03:04:05Z'")
    asked, done = httpx.get(link, headers={"Accept-Language": "fr"}), httpx.post(link)
    for answer in (asked, done):
        assert answer.headers["content-language"] == code
        assert "Hello" in answer.text
        assert "Demo" in answer.text
    assert words.TEXTS[code]["post"] in asked.text
    assert re.search(r"\b2026\b|2026年", asked.text)
    assert "12:04" in asked.text
    assert words.TEXTS[code]["post_done_title"] in done.text


def test_a_link_that_does_not_work_says_so_in_the_browsers_language(api: str, cast: Cast) -> None:
    answer = httpx.get(f"{api}/inbound/release/x", headers={"Accept-Language": "nl"})
    assert (answer.status_code, words.TEXTS["nl"]["ended_title"] in answer.text) == (404, True)


def test_the_button_does_and_twice_is_once(link: str, cast: Cast) -> None:
    for _ in range(2):
        answer = httpx.post(link)
        assert (answer.status_code, "Your reply will appear shortly" in answer.text) == (200, True)
    assert [tuple(row) for row in rows(cast.database, OUTCOME)] == [("received", True)]


def test_the_page_loads_nothing_and_runs_nothing(link: str) -> None:
    answer = httpx.get(link)
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "form-action 'self'" in policy
    assert (answer.headers["Referrer-Policy"], answer.headers["Cache-Control"]) == ("no-referrer", "no-store")
    assert not any(tag in answer.text for tag in ("<script", "<img", "<link", "style=", "http:", "https:"))


def test_others_text_is_text(link: str, cast: Cast) -> None:
    rows(cast.database, "UPDATE conversations SET subject = '<script>alert(1)</script>'")
    answer = httpx.get(link)
    assert "<script" not in answer.text
    assert "&lt;script&gt;" in answer.text


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("change", [lambda url: url[:-3], lambda url: url + "AAAA", lambda url: url[:-20] + "%2e" * 6])
def test_a_wrong_link_is_404_and_says_no_more(link: str, cast: Cast, method: str, change: object) -> None:
    answer = httpx.request(method, change(link))  # type: ignore[operator]
    assert (answer.status_code, "This link has expired" in answer.text) == (404, True)
    assert column(cast.database, "SELECT outcome FROM inbound_mails") == ["quarantined"]


def test_a_link_that_has_ended(api: str, cast: Cast, keyring: Keyring) -> None:
    mail_id = int(quarantined(cast, "alice").removeprefix("mail_"))
    old = quarantine.link(keyring, api, mail_id, clock.now() - quarantine.LINK * 1.1)
    assert httpx.post(old).status_code == 404
    assert column(cast.database, "SELECT outcome FROM inbound_mails") == ["quarantined"]


def test_what_waits_no_more_cannot_be_let_out(link: str, cast: Cast) -> None:
    rows(cast.database, "UPDATE inbound_mails SET raw_id = NULL")
    answer = httpx.post(link)
    assert (answer.status_code, "can no longer be posted" in answer.text) == (409, True)
    rows(cast.database, "DELETE FROM inbound_mails")
    assert httpx.get(link).status_code == 404


# the question, and its answers


def test_the_question_names_the_address_and_shows_the_text(link: str, cast: Cast) -> None:
    kept(cast, excerpt="Pay here: https[:]//evil[.]example\nnow")
    page = httpx.get(link).text
    assert "<bdi>bob@gmail.example</bdi>" in page
    assert "Pay here: https[:]//evil[.]example\nnow" in page
    assert buttons(page) == ["post", "always", "reject"]


def test_the_answer_pressed_in_the_mail_comes_first_and_nothing_is_done_yet(link: str, cast: Cast) -> None:
    kept(cast)
    assert buttons(httpx.get(f"{link}?answer=reject").text) == ["reject", "post", "always"]
    assert buttons(httpx.get(f"{link}?answer=%3Cscript%3E").text) == ["post", "always", "reject"]
    assert [tuple(row) for row in rows(cast.database, OUTCOME)] == [("quarantined", False)]


def test_an_address_of_ones_own_cannot_be_accepted_once_more(link: str, cast: Cast) -> None:
    kept(cast, address="ALICE@example.com")
    page = httpx.get(link).text
    assert "couldn’t verify that it was really sent from your address" in page
    assert buttons(page) == ["post", "reject"]


@pytest.mark.parametrize(
    ("answer", "outcome", "accepted"),
    [
        ("post", ("received", True), None),
        ("always", ("received", True), ["bob@gmail.example"]),
        ("reject", ("refused", False), None),
    ],
)
def test_a_second_opening_says_when_and_how_it_was_settled(
    link: str, cast: Cast, answer: str, outcome: tuple[str, bool], accepted: list[str] | None
) -> None:
    kept(cast)
    done = httpx.post(link, data={"answer": answer})
    assert (done.status_code, words.TEXTS["en"][f"{answer}_done"] in done.text) == (200, True)
    again = httpx.post(link, data={"answer": answer})
    assert again.text == done.text
    rows(cast.database, "UPDATE sender_questions SET answered_at = '2026-01-02T03:04:05Z'")
    other = "post" if answer == "reject" else "reject"
    for page in (httpx.get(link), httpx.post(link, data={"answer": other})):
        said = f"You answered on January 2, 2026, 3:04 AM UTC: {words.TEXTS['en'][answer]}."
        assert (page.status_code, said in page.text, buttons(page.text)) == (200, True, [])
    assert [tuple(row) for row in rows(cast.database, OUTCOME)] == [outcome]
    assert column(cast.database, "SELECT accepted_senders FROM users WHERE id = 'alice'") == [accepted]
    assert column(cast.database, "SELECT emails FROM users WHERE id = 'alice'") == [["alice@example.com"]]


def test_what_an_operator_posted_is_said_to_be_posted(link: str, cast: Cast) -> None:
    kept(cast)
    rows(cast.database, "UPDATE inbound_mails SET outcome = 'posted', released_at = '2026-01-02T03:04:05Z'")
    page = httpx.get(link).text
    assert "already posted, on January 2, 2026" in page
    assert buttons(page) == []


@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7*1111111 }}"])
def test_a_strangers_address_and_text_are_text(link: str, cast: Cast, hostile: str) -> None:
    kept(cast, address=hostile, excerpt=hostile)
    for page in (httpx.get(link).text, httpx.post(link, data={"answer": "always"}).text, httpx.get(link).text):
        assert not any(tag in page for tag in ("<script", "<img", "7777777"))


def test_a_form_that_is_too_long_answers_nothing_else(link: str, cast: Cast) -> None:
    kept(cast)
    assert httpx.post(link, data={"answer": "always" * 10_000}).status_code == 200
    assert column(cast.database, "SELECT answer FROM sender_questions") == ["post"]
