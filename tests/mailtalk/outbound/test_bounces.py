"""Bounces: a mail server's words about our mail reach its delivery, its address and the webhooks, once."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import pytest
from support.inbox import DOMAIN, Box, mail
from support.outbox import Post, at
from support.sql import column, rows

from mailtalk import clock
from mailtalk.inbound import receive
from mailtalk.inbound.receive import POSTMASTER
from mailtalk.outbound import suppressions, verp
from mailtalk.participation.addresses import Bearer
from mailtalk.vocabulary import Purpose

BOB = "bob@example.com"
EVENTS = "SELECT data FROM events WHERE type = 'notification.bounced' ORDER BY id"
REPORT = """From: MAILER-DAEMON@relay.example
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type={kind}; boundary=b

--b

Sorry.
--b
Content-Type: message/{kind}

{fields}

--b
Content-Type: text/rfc822-headers

From: notify@{domain}
Message-ID: {returned}

--b--
"""


@pytest.fixture
def box(post: Post) -> Box:
    return Box(post.cast, post.keyring)


def delivery(box: Box) -> UUID:
    found: UUID = column(box.cast.database, "SELECT id FROM deliveries")[0]
    return found


def sender(box: Box) -> Bearer:
    """Whom mail to the delivery's envelope sender reaches."""
    mailbox = f"{verp.local_part(box.keyring, delivery(box)).upper()}@{DOMAIN}"
    found = receive.recognise(box.keyring, mailbox, DOMAIN)
    assert isinstance(found, Bearer)
    return found


def report(box: Box, action: str = "failed", status: str = "5.1.1", returned: str = "") -> bytes:
    fields = f"Final-Recipient: rfc822; elsewhere@x.example\nAction: {action}\nStatus: {status}"
    returned = returned or column(box.cast.database, "SELECT message_id FROM deliveries")[0]
    text = REPORT.format(kind="delivery-status", fields=fields, domain=DOMAIN, returned=returned)
    return text.replace("\n", "\r\n").encode()


def complaint(box: Box) -> bytes:
    returned = column(box.cast.database, "SELECT message_id FROM deliveries")[0]
    fields = "Feedback-Type: abuse\nUser-Agent: x/1\nVersion: 1"
    text = REPORT.format(kind="feedback-report", fields=fields, domain=DOMAIN, returned=returned)
    return text.replace("\n", "\r\n").encode()


def bounces(box: Box) -> Sequence[tuple[str, str | None]]:
    return [(data["bounce"], data["status"]) for data in column(box.cast.database, EVENTS)]


def suppressed(box: Box) -> dict[str, str]:
    with box.cast.database.transaction() as session:
        found = suppressions.active(session, clock.now(), {(box.cast.app_id, BOB)})
    return {email: reason for (_, email), reason in found.items()}


def scores(box: Box) -> list[Any]:
    return [tuple(row) for row in rows(box.cast.database, "SELECT address, score, until FROM suppressions")]


def test_a_hard_bounce_suppresses_the_address_and_is_told_with_all_that_it_is_about(box: Box) -> None:
    box.receive(report(box), sender(box), mail_from="")
    assert box.outcomes() == [("ignored", "hard 5.1.1")]
    assert suppressed(box) == {BOB: "dead"}
    notification = column(box.cast.database, "SELECT id FROM notifications WHERE user_id = 'bob'")[0]
    assert column(box.cast.database, EVENTS) == [
        {
            "notificationId": f"ntf_{notification}",
            "recipient": {"id": "bob"},
            "conversationId": "hello",
            "deliveryId": str(delivery(box)),
            "address": BOB,
            "bounce": "hard",
            "status": "5.1.1",
        }
    ]
    row = rows(box.cast.database, "SELECT app_id, user_id, conversation_id, purpose, verdict FROM inbound_mails")[0]
    assert tuple(row) == (box.cast.app_id, "bob", "hello", "bounce", "bounce")
    assert column(box.cast.database, "SELECT bounced_at FROM deliveries") != [None]


def test_a_soft_bounce_counts_once_however_often_it_is_told(box: Box) -> None:
    for _ in range(4):
        box.receive(report(box, status="5.2.2"), sender(box), mail_from="")
    assert [reason for _, reason in box.outcomes()] == ["soft 5.2.2"] + ["soft, told before"] * 3
    assert bounces(box) == [("soft", "5.2.2")]
    assert scores(box) == [(BOB, 1.0, None)]


@pytest.mark.parametrize("action", ["delayed", "delivered", "relayed"])
def test_what_is_no_failure_changes_nothing(box: Box, action: str) -> None:
    box.receive(report(box, action), sender(box), mail_from="")
    assert box.outcomes() == [("ignored", "nothing-failed")]
    assert (bounces(box), scores(box)) == ([], [])


def test_a_complaint_turns_mail_off_even_after_a_bounce(box: Box) -> None:
    box.receive(report(box, status="4.4.7"), sender(box), mail_from="")
    box.receive(complaint(box), sender(box), mail_from="")
    box.outcomes()
    assert suppressed(box) == {BOB: "complained"}
    assert bounces(box) == [("soft", "4.4.7")]


def signed_complaint(box: Box) -> bytes:
    """A provider's report, with the envelope sender of the mail as ARF has it (RFC 5965 3.2)."""
    local = verp.local_part(box.keyring, delivery(box))
    return complaint(box).replace(
        b"Version: 1\r\n", f"Version: 1\r\nOriginal-Mail-From: <{local}@{DOMAIN}>\r\n".encode()
    )


@pytest.mark.parametrize("to", ["postmaster", "reply address"])
def test_a_report_that_comes_elsewhere_counts_by_the_signed_sender_in_it(box: Box, to: str) -> None:
    bearer = POSTMASTER if to == "postmaster" else box.bearer("bob")
    box.receive(signed_complaint(box), bearer, mail_from="x@relay.example")
    assert box.outcomes() == [("ignored", "complaint")]
    assert suppressed(box) == {BOB: "complained"}


@pytest.mark.parametrize("forged", [complaint, report])
def test_a_report_with_a_message_id_alone_is_kept_and_changes_nothing(box: Box, forged: Callable[[Box], bytes]) -> None:
    """Whoever saw the mail knows its Message-ID; the sender that stands in it is signed."""
    wrong = forged(box).replace(
        b"Content-Type: text/rfc822", b"Original-Mail-From: <b" + b"a" * 39 + b"@x>\r\nContent-Type: text/rfc822"
    )
    for bearer in (POSTMASTER, box.bearer("bob")):
        box.receive(wrong, bearer, mail_from="x@relay.example")
    assert {(outcome, reason.partition(":")[0]) for outcome, reason in box.outcomes()} == {("ignored", "unsigned")}
    assert (bounces(box), scores(box), suppressed(box)) == ([], [], {})
    assert set(column(box.cast.database, "SELECT user_id FROM inbound_mails")) == {"bob"}


def test_a_report_to_one_participant_says_nothing_of_anothers_mail(box: Box) -> None:
    box.receive(report(box), box.bearer("alice"), mail_from="")
    assert box.outcomes() == [("ignored", "delivery-status")]
    assert (bounces(box), scores(box)) == ([], [])


def test_a_report_of_a_mail_that_is_not_ours_changes_nothing(box: Box) -> None:
    box.receive(report(box, returned="<n.0@elsewhere>"), POSTMASTER, mail_from="")
    box.receive(report(box), Bearer(Purpose.BOUNCE, delivery_id=UUID(int=1)), mail_from="")
    assert {outcome for outcome, _ in box.outcomes()} == {"ignored"}
    assert (bounces(box), scores(box)) == ([], [])


@pytest.mark.parametrize(
    "raw",
    [
        mail("A person answers the envelope sender"),
        mail("I am away", "Auto-Submitted: auto-replied\r\n"),
        b"",
        b"\xff\x00" * 50,
    ],
)
def test_whatever_comes_to_an_envelope_sender_never_becomes_a_message(box: Box, raw: bytes) -> None:
    box.receive(raw, sender(box))
    assert [outcome for outcome, _ in box.outcomes()] == ["ignored"]
    assert [tuple(row) for row in rows(box.cast.database, "SELECT app_id, user_id FROM inbound_mails")] == [
        (box.cast.app_id, "bob")
    ]
    assert box.texts() == ["hi"]
    assert (bounces(box), scores(box)) == ([], [])


def test_a_bounce_of_a_notice_is_told_to_nobody_but_remembered(box: Box) -> None:
    rows(box.cast.database, "UPDATE deliveries SET kind = 'rejection', notification_id = NULL")
    box.receive(report(box), sender(box), mail_from="")
    box.outcomes()
    assert bounces(box) == []
    assert suppressed(box) == {BOB: "dead"}


def test_mail_from_an_envelope_sender_of_ours_is_kept_without_it(box: Box) -> None:
    local = verp.local_part(box.keyring, delivery(box))
    box.receive(mail(), sender(box), mail_from=f"{local}@{DOMAIN}")
    assert column(box.cast.database, "SELECT mail_from FROM raw_mails") == [f"(hidden)@{DOMAIN}"]


def test_the_next_message_is_not_mailed_to_a_dead_address(post: Post, box: Box) -> None:
    box.receive(report(box), sender(box), mail_from="")
    box.outcomes()
    rows(box.cast.database, "UPDATE suppressions SET until = :until", until=at(10_000))
    post.say("alice", "still there?", 100)
    assert post.mailed(200) == []
