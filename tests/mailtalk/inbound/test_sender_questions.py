"""Questions "was this you?": what is kept of them, and what their answers mean for later mails."""

import email
import email.policy
from datetime import timedelta

import pytest
from support.cast import Cast
from support.inbox import Box, mail
from support.sql import column, rows

from mailtalk import clock, sealed_mail
from mailtalk.conversations import apps
from mailtalk.inbound import log, quarantine, sender_questions
from mailtalk.keys import Keyring
from mailtalk.vocabulary import SenderAnswer, SenderPolicy

ELSEWHERE = "bob@home.example"
KEPT = "SELECT address, excerpt, answer FROM sender_questions ORDER BY mail_id"
OUTCOMES = "SELECT outcome, reason, flag FROM inbound_mails ORDER BY id"


@pytest.fixture
def box(cast: Cast, keyring: Keyring) -> Box:
    cast.join("alice", "bob")
    policy(cast, SenderPolicy.MATCH)
    return Box(cast, keyring)


def policy(cast: Cast, name: SenderPolicy) -> None:
    with cast.database.transaction() as session:
        apps.put(session, cast.app_id, {"sender_policy": name})


def arrive(box: Box, said: str, number: int = 1, sender: str = ELSEWHERE) -> None:
    box.receive(mail(said, f"Message-ID: <{number}@home>\r\n", sender=sender), box.bearer("bob"))
    box.outcomes()


def answer(box: Box, choice: SenderAnswer) -> None:
    (newest,) = column(box.cast.database, "SELECT max(id) FROM inbound_mails")
    with box.cast.database.transaction() as session:
        row = log.get(session, box.cast.app_id, newest, lock=True)
        sender_questions.answer(session, row, choice, clock.now())
    box.outcomes()


def mails(box: Box) -> list[str]:
    found = rows(box.cast.database, "SELECT id, body_sealed FROM deliveries ORDER BY created_at")
    raws = [sealed_mail.unseal(box.keyring, row.body_sealed, f"delivery/{row.id}") for row in found]
    read = [email.message_from_bytes(raw, policy=email.policy.default).get_body(("plain",)) for raw in raws]
    return [part.get_content() for part in read if part]


def test_a_question_keeps_its_address_and_a_harmless_excerpt(box: Box) -> None:
    secret = box.address("bob")
    arrive(box, f"See https://evil.example and {secret} " + "x " * 500)
    ((address, excerpt, given),) = rows(box.cast.database, KEPT)
    assert (address, given) == (ELSEWHERE, None)
    assert excerpt.startswith("See https[:]//evil[.]example")
    assert secret.partition("@")[0] not in excerpt
    assert len(excerpt) <= 300


def test_an_accepted_address_is_asked_about_no_more_and_gets_no_mail(box: Box) -> None:
    arrive(box, "It is me")
    answer(box, SenderAnswer.ALWAYS)
    arrive(box, "Me again", 2, sender="Bob <BOB@Home.example>")
    assert box.texts() == ["It is me", "Me again"]
    assert column(box.cast.database, "SELECT address FROM deliveries") == ["bob@example.com"]
    assert column(box.cast.database, "SELECT emails FROM users WHERE id = 'bob'") == [["bob@example.com"]]


def test_an_accepted_address_is_that_users_alone(box: Box) -> None:
    arrive(box, "It is me")
    answer(box, SenderAnswer.ALWAYS)
    box.receive(mail("As Alice", "Message-ID: <2@home>\r\n", sender=ELSEWHERE), box.bearer("alice"))
    box.outcomes()
    assert box.texts() == ["It is me"]


def test_who_was_not_the_participant_is_refused_and_not_asked_about_again(box: Box) -> None:
    arrive(box, "Buy this")
    answer(box, SenderAnswer.REJECT)
    arrive(box, "Buy that", 2)
    arrive(box, "It is me", 3, sender="bob@work.example")
    assert [tuple(row) for row in rows(box.cast.database, OUTCOMES)] == [
        ("refused", quarantine.NOT_ME, None),
        ("quarantined", "from-not-registered", "not-asked"),
        ("quarantined", "from-not-registered", None),
    ]
    assert len(mails(box)) == 2
    assert box.texts() == []


def test_an_address_of_ones_own_that_was_not_proven_is_asked_about_as_such(box: Box) -> None:
    policy(box.cast, SenderPolicy.AUTHENTICATED)
    bearer = box.bearer("bob")
    box.receive(mail("It is me"), bearer)
    while box.process(proving=True):
        pass
    (text,) = mails(box)
    assert "couldn’t verify that it was really sent from there" in text
    assert "?answer=reject" in text
    assert "?answer=always" not in text


def test_a_mail_that_is_processed_again_keeps_its_question(box: Box) -> None:
    arrive(box, "It is me")
    (mail_id,) = column(box.cast.database, "SELECT mail_id FROM sender_questions")
    with box.cast.database.transaction() as session:
        quarantine.replay(log.get(session, box.cast.app_id, mail_id, lock=True))
    rows(box.cast.database, "UPDATE users SET emails = ARRAY['b@example.com', 'bob@example.com'] WHERE id = 'bob'")
    box.outcomes()
    assert [tuple(row) for row in rows(box.cast.database, KEPT)] == [(ELSEWHERE, "It is me", None)]
    assert len(mails(box)) == 2


def test_questions_are_purged_with_the_raw_mails(box: Box) -> None:
    arrive(box, "It is me")
    with box.cast.database.transaction() as session:
        assert sender_questions.purge(session, clock.now(), 30) == 0
        assert sender_questions.purge(session, clock.now() + timedelta(days=31), 30) == 1
    assert rows(box.cast.database, KEPT) == []
