"""The life of one mail, both ways: what is shown, what is masked, and what an operator may do with it."""

import re
from collections.abc import Iterator
from email.message import EmailMessage
from smtplib import SMTP

import httpx
import pytest
from support.cast import Cast
from support.servers import Stack, bridging
from support.sql import column, rows
from support.waiting import until

from tests.console.conftest import enter, token

ADDRESS = re.compile(r"[a-z2-7]{30}@reply\.localhost")
LINK = re.compile(r"/(?:settings|unsubscribe)/[\w-]{43}")
MAILS = "SELECT id FROM deliveries WHERE app_id = :app AND user_id = 'bob' ORDER BY created_at"
CAME = "SELECT id, outcome FROM inbound_mails WHERE app_id = :app AND outcome <> 'received' ORDER BY id"


MUTE = """UPDATE participations SET notify = 'Off', mute_until = now() + interval '1 day'
    WHERE app_id = :app AND user_id = 'carol'"""


@pytest.fixture(scope="module")
def bridge(stack: Stack) -> Iterator[tuple[str, int]]:
    with bridging(stack.settings) as address:
        yield address


@pytest.fixture
def letter(cast: Cast) -> str:
    """The path of a mail to Bob."""
    cast.say("alice", "Is the door open?")
    (mail_id,) = until(lambda: column(cast.database, MAILS, app=cast.app_id))
    return f"/console/apps/{cast.app_id}/mails/out/{mail_id}"


def deliver(bridge: tuple[str, int], to: str, sender: str, text: str, answers: str = "") -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, to, "Re: Hello"
    mail["In-Reply-To"] = answers
    mail.set_content(text)
    with SMTP(*bridge, local_hostname="client.example") as client:
        client.send_message(mail, sender, [to])


def reply_address(program: httpx.Client, letter: str) -> str:
    shown = program.post(letter, data={"form_token": token(program.get(letter).text)}).text
    match = ADDRESS.search(shown)
    assert match
    return match[0]


def test_secrets_are_masked_until_a_click_that_is_logged(program: httpx.Client, cast: Cast, letter: str) -> None:
    enter(program, cast.secret)
    base = f"/console/apps/{cast.app_id}"
    for path in (letter, f"{letter}/html", f"{base}/mailbox", f"{base}/mails", f"{base}/conversations/hello"):
        page = program.get(path)
        assert page.status_code == 200
        assert not ADDRESS.search(page.text), path
        assert not LINK.search(page.text), path
    revealed = program.post(letter, data={"form_token": token(program.get(letter).text)}).text
    assert ADDRESS.search(revealed)
    assert LINK.search(revealed)
    logged = (
        "SELECT target ->> 'delivery' FROM audit_entries WHERE action = 'reveal an outgoing mail' AND app_id = :app"
    )
    assert column(cast.database, logged, app=cast.app_id) == [letter.rpartition("/")[2]]


def test_a_reply_and_the_mail_that_it_answers_lead_to_each_other(
    program: httpx.Client, cast: Cast, letter: str, bridge: tuple[str, int]
) -> None:
    enter(program, cast.secret)
    (message_id,) = column(
        cast.database, "SELECT message_id FROM deliveries WHERE app_id = :app AND user_id = 'bob'", app=cast.app_id
    )
    to = reply_address(program, letter)
    deliver(
        bridge,
        to,
        "bob@example.com",
        f"It is open.\n\nOn Monday, Alice wrote:\n> Is the door open?\n> {to}\n",
        message_id,
    )
    ((mail_id, outcome),) = until(lambda: rows(cast.database, CAME, app=cast.app_id))
    assert outcome == "posted"
    came = f"/console/apps/{cast.app_id}/mails/in/{mail_id}"
    page = program.get(came).text
    assert letter in page
    assert "written by a person who may write" in page
    assert to not in page
    assert to not in program.get(f"{came}/html").text
    assert came in program.get(letter).text
    assert to in program.post(came, data={"form_token": token(page)}).text
    assert came in program.get(f"/console/apps/{cast.app_id}/conversations/hello").text


def test_a_held_mail_is_posted_and_its_sender_accepted_from_then_on(
    program: httpx.Client, cast: Cast, letter: str, bridge: tuple[str, int]
) -> None:
    rows(cast.database, "UPDATE apps SET sender_policy = 'match' WHERE id = :app", app=cast.app_id)
    enter(program, cast.secret)
    deliver(bridge, reply_address(program, letter), "bob@work.example", "It is open, says my work address.")
    ((mail_id, outcome),) = until(lambda: rows(cast.database, CAME, app=cast.app_id))
    assert outcome == "quarantined"
    came = f"/console/apps/{cast.app_id}/mails/in/{mail_id}"
    assert came in program.get(f"/console/apps/{cast.app_id}/quarantine").text
    page = program.get(came).text
    assert "Always accept bob@work.example" in page
    assert program.post(f"{came}/release", data={"form_token": token(page), "always": "1"}).status_code == 303
    until(lambda: [row for row in rows(cast.database, CAME, app=cast.app_id) if row[1] == "posted"])
    ((emails, accepted),) = rows(
        cast.database, "SELECT emails, accepted_senders FROM users WHERE app_id = :app AND id = 'bob'", app=cast.app_id
    )
    assert (emails, accepted) == (["bob@example.com"], ["bob@work.example"])


def test_the_frame_of_a_mail_can_load_and_run_nothing(program: httpx.Client, cast: Cast, letter: str) -> None:
    enter(program, cast.secret)
    policy = program.get(f"{letter}/html").headers["content-security-policy"]
    assert {"sandbox", "default-src 'none'"} <= {part.strip() for part in policy.split(";")}


def test_why_somebody_gets_no_mail_is_said_with_all_reasons(program: httpx.Client, cast: Cast) -> None:
    rows(cast.database, MUTE, app=cast.app_id)
    enter(program, cast.secret)
    base = f"/console/apps/{cast.app_id}/why"
    for wanted in ("Carol", "carol", "carol@example.com", "aro"):
        page = program.get(base, params={"q": wanted}).text
        assert "their notify is false" in page
        assert "they muted the conversation until" in page
    page = program.get(base, params={"user": "carol", "conversation": "hello"}).text
    assert "<b>join</b> by the backend" in page
    assert "Nobody in" in program.get(base, params={"q": "zoe"}).text
