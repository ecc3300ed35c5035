"""Sending: the statements and commits of a batch do not grow with its deliveries."""

import pytest
from support.outbox import Post, at
from support.sql import column, rows
from support.statements import counted

from mailtalk.outbound import deliveries, queue
from mailtalk.outbound.deliveries import ClaimedDelivery, Step
from mailtalk.outbound.smtp_replies import SendResult, SmtpReply
from mailtalk.vocabulary import Stage

RESULTS = (
    SendResult(Stage.SENT, SmtpReply(".", 250, "ok")),
    SendResult(Stage.FAILED, SmtpReply("RCPT", 550, "5.1.1 nobody")),
    SendResult(Stage.FAILED, SmtpReply(".", 554, "5.7.1 spam")),
    SendResult(Stage.DEFERRED, SmtpReply("RCPT", 451, "later")),
)


@pytest.fixture
def copies(post: Post) -> Post:
    """Many mails like Bob's, to addresses of their own."""
    rows(
        post.cast.database,
        """INSERT INTO deliveries (app_id, id, notification_id, conversation_id, user_id, address, message_id,
            body_sealed, not_before, created_at)
        SELECT app_id, gen_random_uuid(), notification_id, conversation_id, user_id, 'bob' || i || '@example.com', '',
            body_sealed, not_before, created_at FROM deliveries, generate_series(1, 500) i""",
    )
    return post


def claim(post: Post, number: int) -> list[ClaimedDelivery]:
    with post.cast.database.transaction() as session:
        return queue.claim(session, at(30), 1, number)


def test_claims(copies: Post) -> None:
    counts = set()
    for number in (1, 10, 100):
        with counted(copies.cast.database) as statements:
            assert len(claim(copies, number)) == number
        counts.add(statements.counts)
    assert counts == {(1, 1)}


def test_steps_to_sending_and_to_results(copies: Post) -> None:
    counts = set()
    for number in (4, 40, 100):
        starting, ending = claim(copies, number), claim(copies, number)
        steps = [Step(delivery) for delivery in starting]
        steps += [Step(delivery, RESULTS[i % len(RESULTS)]) for i, delivery in enumerate(ending)]
        with counted(copies.cast.database) as statements, copies.cast.database.transaction() as session:
            assert deliveries.advance(session, at(31), steps) == [True] * len(steps)
        counts.add(statements.counts)
    assert len(counts) == 1
    assert column(copies.cast.database, "SELECT count(*) FROM suppressions") == [72]


def test_one_address_may_be_refused_more_than_once_in_a_batch(copies: Post) -> None:
    rows(copies.cast.database, "UPDATE deliveries SET address = 'Bob@example.com'")
    steps = [Step(delivery, RESULTS[2]) for delivery in claim(copies, 3)]
    with copies.cast.database.transaction() as session:
        deliveries.advance(session, at(31), steps)
    known = rows(copies.cast.database, "SELECT address, reason, score, until > :now FROM suppressions", now=at(31))
    assert [tuple(row) for row in known] == [("bob@example.com", "failing", 3.0, True)]
