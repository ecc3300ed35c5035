"""The chain: which question decides, what it leaves behind, and the back-stop that needs no header."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from support.cast import Cast
from support.inbox import NONE, Box, mail
from support.sql import column, rows, subscribe

from mailtalk import clock
from mailtalk.conversations import apps, conversations
from mailtalk.inbound import receive
from mailtalk.inbound.receive import Arrival
from mailtalk.keys import Keyring
from mailtalk.participation.rules import Request
from mailtalk.vocabulary import ChangeKind, Purpose, SenderPolicy

ELSEWHERE = "bob@home.example"
POSTED = ("posted", "person", "whole")
EVENTS = """SELECT data->>'outcome' AS outcome, data->>'verdict' AS verdict, data->>'reason' AS reason
    FROM events WHERE type = 'email.rejected' ORDER BY id"""


@pytest.fixture
def box(cast: Cast, keyring: Keyring) -> Box:
    cast.join("alice", "bob")
    return Box(cast, keyring)


def policy(box: Box, name: SenderPolicy) -> None:
    with box.cast.database.transaction() as session:
        apps.put(session, box.cast.app_id, {"sender_policy": name})


def arrive(box: Box, raw: bytes, user: str = "bob", ago: timedelta = timedelta(0)) -> None:
    bearer = box.bearer(user)
    with box.cast.database.transaction() as session:
        receive.receive(session, box.keyring, [Arrival(ELSEWHERE, [bearer], raw, clock.now() - ago)])


def machine(head: str) -> bytes:
    return mail("", head, sender=ELSEWHERE)


def test_the_first_question_that_knows_decides(box: Box) -> None:
    """Each mail would be stopped by every question after its own, too."""
    policy(box, SenderPolicy.MATCH)
    bearer = box.bearer("bob")
    box.receive(machine("X-Loop: reply.localhost\r\nX-Failed-Recipients: x@y.example\r\n"), bearer)
    box.receive(machine("X-Failed-Recipients: x@y.example\r\nAuto-Submitted: auto-replied\r\n"), bearer)
    box.receive(machine("Auto-Submitted: auto-replied\r\nList-Id: <x.y>\r\n"), bearer)
    box.receive(machine("List-Id: <x.y>\r\n"), bearer)
    box.receive(mail("", sender=ELSEWHERE), bearer)
    box.receive(mail(""), bearer)
    box.cast.change("bob", NONE)
    verdicts = [verdict for _, verdict, _ in box.judged()]
    assert verdicts == ["loop", "bounce", "auto-reply", "list", "sender", "no-access"]
    assert box.texts() == []


def test_a_complaint_is_one(box: Box) -> None:
    report = (
        "Content-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n--b\r\n"
        "Content-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\n\r\n--b--"
    )
    box.receive(f"From: abuse@isp.example\r\n{report}\r\n".encode(), box.bearer("bob"))
    assert box.judged() == [("ignored", "complaint", "feedback-report")]


@pytest.mark.parametrize(
    ("name", "sender", "judged"),
    [
        (SenderPolicy.CAPABILITY, ELSEWHERE, POSTED),
        (SenderPolicy.MATCH, "BOB@example.COM", POSTED),
        (SenderPolicy.MATCH, ELSEWHERE, ("quarantined", "sender", "from-not-registered")),
        (SenderPolicy.MATCH, f'"bob@example.com" <{ELSEWHERE}>', ("quarantined", "sender", "from-not-registered")),
    ],
)
def test_sender_policy(box: Box, name: SenderPolicy, sender: str, judged: tuple[str, str, str]) -> None:
    policy(box, name)
    box.receive(mail(sender=sender), box.bearer("bob"))
    assert box.judged() == [judged]


def test_who_has_the_address_may_ask_for_less_mail_from_anywhere(box: Box) -> None:
    policy(box, SenderPolicy.MATCH)
    box.receive(mail("", sender=ELSEWHERE), box.bearer("bob", Purpose.UNSUBSCRIBE))
    assert [outcome for outcome, _, _ in box.judged()] == ["unsubscribed"]


def test_the_row_knows_its_message(box: Box) -> None:
    box.receive(mail(), box.bearer("bob"))
    box.outcomes()
    assert column(box.cast.database, "SELECT posted_as FROM inbound_mails") == column(
        box.cast.database, "SELECT id FROM messages"
    )


def test_a_message_id_with_another_body_is_posted_and_flagged(box: Box) -> None:
    for text in ("one", "two", "one"):
        box.receive(mail(text, "Message-ID: <1@x>\r\n"), box.bearer("bob"))
    for text in ("three", "four"):
        box.receive(mail(text), box.bearer("bob"))
    assert [verdict for _, verdict, _ in box.judged()] == ["person", "person", "duplicate", "person", "person"]
    flags = column(box.cast.database, "SELECT flag FROM inbound_mails ORDER BY id")
    assert flags == [None, "message-id-reused", None, None, None]


def test_the_same_mail_to_another_participation_is_no_repeat(box: Box) -> None:
    for user in ("alice", "bob"):
        box.receive(mail(head="Message-ID: <1@x>\r\n"), box.bearer(user))
    assert box.judged() == [POSTED] * 2


# the back-stop


def test_the_same_text_a_third_time_within_the_hour_is_put_aside(box: Box) -> None:
    for number, text in enumerate(["I am away", "other", "i  am\r\naway", "I AM AWAY", "I am away", "another"]):
        box.receive(mail(text, f"Message-ID: <{number}@x>\r\n"), box.bearer("bob"))
    aside = ("quarantined", "flood", "same-text")
    assert box.judged() == [POSTED, POSTED, POSTED, aside, aside, POSTED]


def test_short_answers_to_different_mails_count_apart(box: Box) -> None:
    for number, text in enumerate(["OK", "OK", "OK", "👍", "👍", "👍"]):
        box.receive(mail(text, f"Message-ID: <{number}@x>\r\nIn-Reply-To: <n.{number}@x>\r\n"), box.bearer("bob"))
    assert box.judged() == [POSTED] * 6


def test_a_long_text_counts_whatever_it_answers(box: Box) -> None:
    for number in range(3):
        head = f"Message-ID: <{number}@x>\r\nIn-Reply-To: <n.{number}@x>\r\n"
        box.receive(mail("Thank you for your message. I will read it soon.", head), box.bearer("bob"))
    assert [verdict for _, verdict, _ in box.judged()] == ["person", "person", "flood"]


def test_the_hour_is_that_before_the_mail_came(box: Box) -> None:
    for minutes in (130, 65, 50, 10):
        arrive(box, mail("Good morning", f"Message-ID: <{minutes}@x>\r\n"), ago=timedelta(minutes=minutes))
    assert [verdict for _, verdict, _ in box.judged()] == ["person", "person", "person", "flood"]


def test_two_people_may_say_the_same(box: Box) -> None:
    for number in range(2):
        for user in ("alice", "bob"):
            arrive(box, mail("Yes", f"Message-ID: <{number}@x>\r\n"), user)
    assert box.judged() == [POSTED] * 4


def test_more_mails_than_the_setting_allows_are_put_aside(cast: Cast, keyring: Keyring) -> None:
    cast.join("bob")
    box = Box(cast, keyring, rules={"mail_per_hour": 3})
    for number in range(5):
        box.receive(mail(f"number {number}"), box.bearer("bob"))
    box.receive(mail("", "Auto-Submitted: auto-replied\r\n"), box.bearer("bob"))
    aside = ("quarantined", "flood", "too-many")
    assert box.judged()[:5] == [POSTED, POSTED, POSTED, aside, aside]


def test_what_machines_and_strangers_sent_is_not_counted_against_a_person(cast: Cast, keyring: Keyring) -> None:
    cast.join("bob")
    box = Box(cast, keyring, rules={"mail_per_hour": 2})
    policy(box, SenderPolicy.MATCH)
    for number in range(3):
        box.receive(mail(f"{number}", "Auto-Submitted: auto-replied\r\n"), box.bearer("bob"))
        box.receive(mail(f"{number}", sender=ELSEWHERE), box.bearer("bob"))
    box.receive(mail("Hello"), box.bearer("bob"))
    assert box.judged()[-1] == POSTED


def test_zero_switches_it_off(cast: Cast, keyring: Keyring) -> None:
    cast.join("bob")
    box = Box(cast, keyring, rules={"mail_per_hour": 0})
    for number in range(4):
        box.receive(mail("the same", f"Message-ID: <{number}@x>\r\n"), box.bearer("bob"))
    assert box.judged() == [POSTED] * 4


# what is told


def test_the_app_is_told_of_what_a_person_wrote_that_became_no_message(box: Box) -> None:
    subscribe(box.cast.database)
    policy(box, SenderPolicy.MATCH)
    for raw in (
        mail(),
        mail(),
        mail("", sender="bob@example.com"),
        mail(sender=ELSEWHERE),
        mail(head="Auto-Submitted: auto-replied\r\n"),
    ):
        box.receive(raw, box.bearer("bob"))
    box.receive(mail(sender=ELSEWHERE), receive.POSTMASTER)
    box.outcomes()
    assert [tuple(row) for row in rows(box.cast.database, EVENTS)] == [
        ("ignored", "empty", "nothing-written"),
        ("quarantined", "sender", "from-not-registered"),
    ]
    (data,) = column(box.cast.database, "SELECT data FROM events WHERE data->>'verdict' = 'empty'")
    assert set(data) == {
        "inboundMailId", "userId", "conversationId", "outcome", "verdict", "reason", "receivedAt"
    }  # fmt: skip
    assert (data["userId"], data["conversationId"]) == ("bob", "hello")


def test_a_mail_to_a_deleted_conversation_is_refused(box: Box) -> None:
    box.receive(mail(), box.bearer("bob"))
    with box.cast.database.transaction() as session:
        conversations.delete(session, box.cast.key, clock.now())
    assert box.judged() == [("refused", "no-access", "conversation-deleted")]


def test_unsubscribing_from_where_one_has_left_is_refused(box: Box) -> None:
    bearer = box.bearer("bob", Purpose.UNSUBSCRIBE)
    box.receive(mail("x"), bearer)
    box.cast.change("bob", Request(ChangeKind.LEAVE))
    assert box.judged() == [("refused", "no-access", "left")]


def test_two_workers_at_once_count_alike(box: Box) -> None:
    for number in range(6):
        box.receive(mail("The same", f"Message-ID: <{number}@x>\r\n"), box.bearer("bob"))
    with ThreadPoolExecutor(2) as pool:
        while True:
            done = list(pool.map(lambda _: box.process(), range(2)))
            if not any(done):
                break
    aside = ("quarantined", "flood", "same-text")
    assert box.judged() == [POSTED, POSTED, aside, aside, aside, aside]
