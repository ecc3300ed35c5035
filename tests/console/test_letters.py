"""An outgoing mail's page: each answer of the relay; and a captured mail sent on to an address of one's own."""

import email
import email.policy
import json
from collections.abc import Iterator
from email.message import EmailMessage

import httpx
import pytest
from support.cast import Cast
from support.servers import Stack, bridging
from support.smtp_sink import Sink, sinking
from support.sql import column, rows
from support.waiting import until

from tests.console.conftest import OPERATOR, READER, enter, token
from tests.console.test_console_mails import MAILS, deliver

LOGGED = "SELECT target FROM audit_entries WHERE action = 'send a captured mail on' AND app_id = :app"
TRIES = [
    {"at": "2026-05-04T10:00:00Z", "stage": "queued", "relay": "one.example:25", "reply": "421 4.3.2 busy"},
    {"at": "2026-05-04T10:05:00Z", "stage": "deferred", "relay": "two.example:587", "reply": "450 4.2.0 greylisted"},
]
DEFER = """UPDATE deliveries SET stage = 'deferred', attempts = 2, not_before = now() + interval '15 min',
    ended_at = NULL, tries = CAST(:tries AS jsonb) WHERE app_id = :app"""
DIGEST = """WITH mail AS (
        UPDATE deliveries SET kind = 'digest', conversation_id = '', notification_id = NULL WHERE app_id = :app
        RETURNING app_id, id)
    INSERT INTO digest_sections (app_id, delivery_id, notification_id, conversation_id, participation_id, seqs)
    SELECT mail.app_id, mail.id, 1, 'hello', p.id, '{[1,2)}' FROM mail
    JOIN participations p ON p.app_id = mail.app_id AND p.user_id = 'bob'"""
CAME = "SELECT id FROM inbound_mails WHERE app_id = :app"
POSTED = "SELECT text FROM messages WHERE app_id = :app AND origin = 'email'"


@pytest.fixture
def sink() -> Iterator[Sink]:
    with sinking() as sink:
        yield sink


@pytest.fixture
def letter(cast: Cast) -> str:
    """The path of a captured mail to Bob."""
    cast.say("alice", "Is the door open?")
    captured = MAILS.replace("ORDER BY", "AND stage = 'captured' ORDER BY")
    (mail_id,) = until(lambda: column(cast.database, captured, app=cast.app_id))
    return f"/console/apps/{cast.app_id}/mails/out/{mail_id}"


def send_on(program: httpx.Client, letter: str, relay: str, to: str = "me@real.example") -> httpx.Response:
    fields = {"form_token": token(program.get(letter).text), "to": to, "relay": relay}
    return program.post(f"{letter}/send-on", data=fields)


def test_each_answer_of_the_relay_is_shown_and_when_the_next_try_is(
    program: httpx.Client, cast: Cast, letter: str
) -> None:
    rows(cast.database, DEFER, app=cast.app_id, tries=json.dumps(TRIES))
    enter(program, cast.secret)
    page = program.get(letter).text
    first, second = page.index("421 4.3.2 busy"), page.index("450 4.2.0 greylisted")
    assert first < second < page.index("next try in 14 min")
    assert "2026-05-04 10:00:00 UTC, by one.example:25" in page
    assert "2026-05-04 10:05:00 UTC, by two.example:587" in page
    answer = program.post(f"{letter}/resend", data={"form_token": token(page)})
    assert answer.headers["location"].endswith("said=queued")


def test_a_captured_mail_is_sent_on_and_an_answer_to_it_is_a_message(
    program: httpx.Client, stack: Stack, cast: Cast, letter: str, sink: Sink
) -> None:
    enter(program, OPERATOR)
    answer = send_on(program, letter, sink.url)
    assert answer.headers["location"].endswith("said=sent-on"), answer.text
    assert (sink.recipients, sink.senders) == (["me@real.example"], ["me@real.example"])
    mail = email.message_from_bytes(sink.mails[0], policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    assert (mail["Resent-To"], mail["To"]) == ("me@real.example", "Bob <bob@example.com>")
    name = sink.url.removeprefix("smtp://")
    (logged,) = column(cast.database, LOGGED, app=cast.app_id)
    assert logged == {"delivery": letter.rpartition("/")[2], "to": "me@real.example", "relay": name}
    with bridging(stack.settings) as bridge:
        deliver(bridge, str(mail["Reply-To"]), "me@real.example", "It is open.", str(mail["Message-ID"]))
        assert until(lambda: column(cast.database, POSTED, app=cast.app_id)) == ["It is open."]


def test_a_digest_and_its_answer_lead_to_each_other(
    program: httpx.Client, stack: Stack, cast: Cast, letter: str, sink: Sink
) -> None:
    enter(program, OPERATOR)
    send_on(program, letter, sink.url)
    mail = email.message_from_bytes(sink.mails[0], policy=email.policy.default)
    rows(cast.database, DIGEST, app=cast.app_id)
    with bridging(stack.settings) as bridge:
        deliver(bridge, str(mail["Reply-To"]), "bob@example.com", "It is open.", str(mail["Message-ID"]))
    (mail_id,) = until(lambda: column(cast.database, CAME, app=cast.app_id))
    answer = f"/console/apps/{cast.app_id}/mails/in/{mail_id}"
    assert answer in program.get(letter).text
    assert letter in program.get(answer).text


def test_only_an_operator_sends_a_mail_on(program: httpx.Client, cast: Cast, letter: str, sink: Sink) -> None:
    for credential in (cast.secret, READER):
        enter(program, credential)
        assert "send-on" not in program.get(letter).text
        assert send_on(program, letter, sink.url).status_code == 403
    assert sink.mails == []


@pytest.mark.parametrize("relay", ["", "http://127.0.0.1", "smtp://", "smtp://a:b:c", "smtp://one,smtp://two", "two"])
def test_a_relay_that_is_none_is_named(program: httpx.Client, letter: str, relay: str) -> None:
    enter(program, OPERATOR)
    answer = send_on(program, letter, relay)
    assert (answer.status_code, "must be one URL" in answer.text) == (400, True)


def test_a_refusal_of_the_relay_is_shown_and_no_password(
    program: httpx.Client, cast: Cast, letter: str, sink: Sink
) -> None:
    enter(program, OPERATOR)
    sink.will("RCPT", "550 5.7.1 not from you")
    answer = send_on(program, letter, sink.url)
    assert (answer.status_code, "550 5.7.1 not from you" in answer.text) == (400, True)
    answer = send_on(program, letter, sink.url.replace("//", "//user:hunter2@"))
    assert answer.status_code == 400
    assert "hunter2" not in answer.text
    assert "hunter2" not in str(column(cast.database, LOGGED, app=cast.app_id))
