"""Deliveries: claimed, sent and settled by a living worker; freed when it is dead."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from support.cast import Cast
from support.outbox import Post, at
from support.sql import alive, column, rows
from support.waiting import until

from mailtalk.outbound import deliveries, queue
from mailtalk.outbound.deliveries import ClaimedDelivery, DeliveryTry, Step
from mailtalk.outbound.sending_settings import DEFAULT, SendingSettings
from mailtalk.outbound.smtp_replies import BACK_OFF, RELAY_AWAY, SendResult, SmtpReply
from mailtalk.support import deliveries as support_deliveries
from mailtalk.vocabulary import Stage

STAGES = "SELECT stage FROM deliveries"


def claim(cast: Cast, seconds: float = 30, worker_id: int = 1) -> list[ClaimedDelivery]:
    with cast.database.transaction() as session:
        return queue.claim(session, at(seconds), worker_id, 10)


def settle(cast: Cast, claimed: ClaimedDelivery, stage: Stage, now: datetime) -> bool:
    with cast.database.transaction() as session:
        return deliveries.advance(session, now, [Step(claimed, SendResult(stage, note=f"it is {stage}"))])[0]


def sending(cast: Cast, claimed: ClaimedDelivery) -> bool:
    with cast.database.transaction() as session:
        return deliveries.advance(session, at(0), [Step(claimed)])[0]


def recover(cast: Cast) -> int:
    with cast.database.transaction() as session:
        return queue.recover(session, at(30))


def test_a_delivery_is_claimed_when_it_is_due_and_by_one_only(post: Post) -> None:
    assert claim(post.cast, 29) == []
    (claimed,) = claim(post.cast)
    assert (claimed.address, claimed.attempts) == ("bob@example.com", 1)
    assert claim(post.cast, worker_id=2) == []


def test_the_way_through(post: Post) -> None:
    (claimed,) = claim(post.cast)
    assert sending(post.cast, claimed)
    assert column(post.cast.database, STAGES) == ["sending"]
    assert settle(post.cast, claimed, Stage.SENT, at(40))
    row = rows(post.cast.database, "SELECT stage, reply, ended_at FROM deliveries")[0]
    assert tuple(row) == ("sent", "it is sent", at(40))
    assert not settle(post.cast, claimed, Stage.FAILED, at(41))


@pytest.mark.parametrize("stage", ["claimed", "sending"])
def test_what_a_dead_worker_had_in_hand_is_free_at_once(post: Post, stage: str) -> None:
    with alive(post.cast.database, 7):
        (claimed,) = claim(post.cast, worker_id=7)
        if stage == "sending":
            sending(post.cast, claimed)
        assert recover(post.cast) == 0
        assert column(post.cast.database, STAGES) == [stage]
    assert until(lambda: recover(post.cast)) == 1  # once the server has seen the connection end
    assert column(post.cast.database, STAGES) == ["queued" if stage == "claimed" else "unknown"]
    assert not sending(post.cast, claimed)
    (again,) = claim(post.cast, 30 if stage == "claimed" else 45, worker_id=8)
    assert not settle(post.cast, claimed, Stage.SENT, at(50))
    assert again.body_sealed == claimed.body_sealed
    assert again.claim != claimed.claim


@pytest.mark.parametrize("rules", [SendingSettings(), SendingSettings(hold=True)])
def test_a_result_that_comes_after_the_claim_was_released_counts(post: Post, rules: SendingSettings) -> None:
    (claimed,) = claim(post.cast)
    sending(post.cast, claimed)
    with post.cast.database.transaction() as session:
        assert queue.recover(session, at(30), rules) == 1
    assert claim(post.cast, 44) == []
    assert not settle(post.cast, claimed, Stage.UNKNOWN, at(44))  # it is known already
    assert settle(post.cast, claimed, Stage.SENT, at(44))
    assert tuple(rows(post.cast.database, "SELECT stage, unknowns FROM deliveries")[0]) == ("sent", 1)


def test_one_workers_death_frees_nothing_of_anothers(post: Post) -> None:
    with alive(post.cast.database, 2):
        claim(post.cast, worker_id=2)
        with alive(post.cast.database, 1):
            pass
        assert recover(post.cast) == 0


@pytest.mark.parametrize("attempt", range(1, 9))
def test_a_deferred_mail_waits_longer_each_time(post: Post, attempt: int) -> None:
    rows(post.cast.database, "UPDATE deliveries SET attempts = :n", n=attempt - 1)
    (claimed,) = claim(post.cast)
    settle(post.cast, claimed, Stage.DEFERRED, at(30))
    expected = BACK_OFF[min(attempt, len(BACK_OFF)) - 1]
    waits = column(post.cast.database, "SELECT not_before FROM deliveries")[0] - at(30)
    assert 0.8 * expected <= waits <= 1.2 * expected


def test_a_relay_that_is_away_costs_no_attempt(post: Post) -> None:
    (claimed,) = claim(post.cast)
    settle(post.cast, claimed, Stage.QUEUED, at(30))
    row = rows(post.cast.database, "SELECT attempts, not_before FROM deliveries")[0]
    assert tuple(row) == (0, at(30) + RELAY_AWAY)


@pytest.mark.parametrize("stage", [Stage.DEFERRED, Stage.UNKNOWN])
def test_after_two_days_it_is_given_up_with_the_last_answer(post: Post, stage: Stage) -> None:
    late = at(30) + DEFAULT.give_up + timedelta(seconds=1)
    with post.cast.database.transaction() as session:
        (claimed,) = queue.claim(session, late, 1, 10)
    settle(post.cast, claimed, stage, late)
    row = rows(post.cast.database, "SELECT stage, reply FROM deliveries")[0]
    assert row.stage == "failed"
    assert row.reply.endswith(f"it is {stage}")


@pytest.mark.parametrize(
    ("code", "said", "known", "bounce"),
    [
        (550, "5.1.1 nobody", ("dead", 0.0), ("hard", "5.1.1")),
        (550, "5.1.2 no such domain", ("dead", 0.0), ("hard", "5.1.2")),
        (550, "5.1.10 null mx", ("dead", 0.0), ("hard", "5.1.10")),
        (553, "5.2.1 disabled", ("dead", 0.0), ("hard", "5.2.1")),
        (554, "5.7.1 spam", ("failing", 1.0), ("soft", "5.7.1")),
        (550, "no", ("failing", 1.0), ("soft", None)),
    ],
)
def test_a_refusal_is_remembered_and_told(
    post: Post, code: int, said: str, known: tuple[str, float], bounce: tuple[str, str | None]
) -> None:
    (claimed,) = claim(post.cast)
    refused = [Step(claimed, SendResult(Stage.FAILED, SmtpReply("RCPT", code, said)))]
    with post.cast.database.transaction() as session:
        assert deliveries.advance(session, at(30), refused) == [True]
        assert deliveries.advance(session, at(30), refused) == [False]
    assert [tuple(row) for row in rows(post.cast.database, "SELECT reason, score FROM suppressions")] == [known]
    told = rows(post.cast.database, "SELECT type, data->>'bounce', data->>'status' FROM events WHERE type ~ 'bounced'")
    assert [tuple(row) for row in told] == [("notification.bounced", *bounce)]


@pytest.mark.parametrize(
    ("seconds", "result"),
    [
        (200_000, SendResult(Stage.DEFERRED, SmtpReply(".", 552, "5.3.4 too big"))),  # given up
        (30, SendResult(Stage.FAILED, note="the seal is broken")),
    ],
)
def test_a_failure_of_ours_says_nothing_of_the_address(post: Post, seconds: float, result: SendResult) -> None:
    (claimed,) = claim(post.cast)
    with post.cast.database.transaction() as session:
        deliveries.advance(session, at(seconds), [Step(claimed, result)])
    assert column(post.cast.database, STAGES) == ["failed"]
    assert rows(post.cast.database, "SELECT 1 FROM suppressions") == []
    assert rows(post.cast.database, "SELECT 1 FROM events WHERE type ~ 'bounced'") == []


@pytest.mark.parametrize("stage", [Stage.SENT, Stage.CAPTURED])
def test_what_was_sent_is_told_once_and_in_the_same_transaction(post: Post, stage: Stage) -> None:
    (claimed,) = claim(post.cast)
    settle(post.cast, claimed, stage, at(30))
    settle(post.cast, claimed, stage, at(30))
    events = rows(post.cast.database, "SELECT conversation_id, data FROM events WHERE type = 'notification.sent'")
    notification = column(post.cast.database, "SELECT notification_id FROM deliveries")[0]
    assert [tuple(row) for row in events] == [
        (
            "hello",
            {
                "notificationId": f"ntf_{notification}",
                "recipient": {"id": "bob"},
                "conversationId": "hello",
                "deliveryId": str(claimed.id),
            },
        )
    ]


def test_what_was_sent_is_on_the_disk_before_it_counts_as_recorded(post: Post) -> None:
    (claimed,) = claim(post.cast)
    with post.cast.database.transaction() as session:
        session.execute(text("SET LOCAL synchronous_commit = 'on'"))
        deliveries.advance(session, at(30), [Step(claimed, SendResult(Stage.SENT))])
        assert session.scalar(text("SHOW synchronous_commit")) == "on"


def test_how_often_an_answer_was_lost_is_counted(post: Post) -> None:
    (claimed,) = claim(post.cast)
    settle(post.cast, claimed, Stage.UNKNOWN, at(30))
    (again,) = claim(post.cast, 1000)
    sending(post.cast, again)
    assert recover(post.cast) == 1
    (last,) = claim(post.cast, 1001)
    settle(post.cast, last, Stage.SENT, at(1001))
    assert tuple(rows(post.cast.database, "SELECT stage, unknowns FROM deliveries")[0]) == ("sent", 2)


def test_every_answer_is_kept_with_its_time_and_relay(post: Post) -> None:
    (claimed,) = claim(post.cast)
    first = SendResult(Stage.DEFERRED, SmtpReply("RCPT", 451, "4.2.2 later"), relay="one.example:25")
    with post.cast.database.transaction() as session:
        deliveries.advance(session, at(30), [Step(claimed, first)])
    (again,) = claim(post.cast, 1000)
    sending(post.cast, again)
    with post.cast.database.transaction() as session:
        queue.recover(session, at(1000))
    (last,) = claim(post.cast, 1020)
    settle(post.cast, last, Stage.SENT, at(1020))
    with post.cast.database.transaction() as session:
        tries = support_deliveries.tries(session, "demo", claimed.id)
    assert tries == [
        DeliveryTry(at(30), Stage.DEFERRED, "one.example:25", "451 4.2.2 later"),
        DeliveryTry(at(1000), Stage.UNKNOWN, None, "the worker ended before the answer was recorded"),
        DeliveryTry(at(1020), Stage.SENT, None, "it is sent"),
    ]


def test_the_last_answers_are_kept_when_there_are_many(post: Post) -> None:
    for number in range(deliveries.TRIES + 3):
        (claimed,) = claim(post.cast, 100 * (number + 1))
        result = SendResult(Stage.QUEUED, note=f"away {number}")
        with post.cast.database.transaction() as session:
            deliveries.advance(session, at(100 * (number + 1)), [Step(claimed, result)])
    with post.cast.database.transaction() as session:
        tries = support_deliveries.tries(session, "demo", claimed.id)
    assert [each.reply for each in tries] == [f"away {number}" for number in range(3, deliveries.TRIES + 3)]


def test_a_lost_answer_is_held_when_the_settings_say_so(post: Post) -> None:
    (claimed,) = claim(post.cast)
    with post.cast.database.transaction() as session:
        deliveries.advance(session, at(30), [Step(claimed, SendResult(Stage.UNKNOWN))], SendingSettings(hold=True))
    assert tuple(rows(post.cast.database, "SELECT stage, unknowns, ended_at FROM deliveries")[0]) == ("held", 1, None)
    assert claim(post.cast, 100_000) == []
