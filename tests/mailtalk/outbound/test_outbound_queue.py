"""Claims: what must not be sent any more is cancelled, and each domain gets its mails at its pace."""

from datetime import timedelta

import pytest
from support.cast import Cast
from support.outbox import Post, at
from support.sql import column, rows

from mailtalk.conversations import users
from mailtalk.keys import Keyring
from mailtalk.outbound import deliveries, queue, suppressions
from mailtalk.outbound.deliveries import ClaimedDelivery, Step
from mailtalk.outbound.sending_settings import DEFAULT, SendingSettings
from mailtalk.outbound.smtp_replies import SendResult
from mailtalk.vocabulary import Stage, Suspicion


@pytest.fixture
def post(cast: Cast, keyring: Keyring) -> Post:
    """A mail each to Bob, Carol and Dave is queued."""
    cast.join("alice", "bob", "carol", "dave")
    with cast.database.transaction() as session:
        users.put(session, cast.app_id, "dave", {"emails": ["Dave@Other.example"]})
    post = Post(cast, keyring)
    post.say("alice", "hi")
    assert post.mailed(30) == ["bob", "carol", "dave"]
    return post


def claim(post: Post, seconds: float, rules: SendingSettings = DEFAULT, limit: int = 10) -> list[ClaimedDelivery]:
    with post.cast.database.transaction() as session:
        return queue.claim(session, at(seconds), 1, limit, rules)


def claimed(post: Post, seconds: float, rules: SendingSettings) -> list[str]:
    return sorted(each.user_id for each in claim(post, seconds, rules))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("UPDATE participations SET present = false WHERE user_id = 'bob'", "left"),
        ("UPDATE participations SET access = 'None' WHERE user_id = 'bob'", "access-none"),
        ("UPDATE participations SET notify = 'Off' WHERE user_id = 'bob'", "notify-off"),
        ("UPDATE participations SET mute_until = '2026-01-03' WHERE user_id = 'bob'", "muted"),
    ],
)
def test_who_must_not_be_mailed_any_more_is_not(post: Post, change: str, reason: str) -> None:
    rows(post.cast.database, change)
    assert sorted(each.user_id for each in claim(post, 30)) == ["carol", "dave"]
    row = rows(post.cast.database, "SELECT stage, reply, attempts, ended_at FROM deliveries WHERE user_id = 'bob'")[0]
    assert tuple(row) == ("cancelled", reason, 0, at(30))


def test_a_suppressed_address_is_not_mailed_what_was_made_before(post: Post) -> None:
    with post.cast.database.transaction() as session:
        app = post.cast.app_id
        suppressions.suppress(session, at(0), app, "dave@other.example", Suspicion.DEAD, None, timedelta(1))
    assert sorted(each.user_id for each in claim(post, 30)) == ["bob", "carol"]
    ends = "SELECT reply FROM deliveries WHERE stage = 'cancelled'"
    assert column(post.cast.database, ends) == ["suppressed: dead"]


def test_a_notice_reaches_who_left(post: Post) -> None:
    rows(post.cast.database, "UPDATE deliveries SET kind = 'rejection' WHERE user_id = 'bob'")
    rows(post.cast.database, "UPDATE participations SET present = false")
    assert [each.user_id for each in claim(post, 30)] == ["bob"]


def test_a_domain_gets_its_mails_at_its_pace_and_others_at_theirs(post: Post) -> None:
    rules = SendingSettings(per_minute=6)
    first = claimed(post, 30, rules)
    assert len(first) == 2  # one to each domain
    assert "dave" in first
    assert claimed(post, 39, rules) == []
    assert len(claimed(post, 40, rules)) == 1
    assert claimed(post, 100, rules) == []


def test_a_pace_holds_over_all_workers_and_over_time(post: Post) -> None:
    rows(post.cast.database, "DELETE FROM deliveries WHERE user_id <> 'bob'")
    rows(
        post.cast.database,
        """INSERT INTO deliveries (app_id, id, conversation_id, user_id, address, message_id, body_sealed, not_before,
            created_at) SELECT app_id, gen_random_uuid(), conversation_id, user_id, address, '', '', not_before,
            created_at FROM deliveries, generate_series(1, 99)""",
    )
    went = [len(claim(post, second, SendingSettings(per_minute=60), 3)) for second in range(30, 131)]
    assert went[:100] == [1] * 100
    assert sum(went) == 100


def test_a_mail_that_comes_back_asks_for_its_time_again(post: Post) -> None:
    rules = SendingSettings(per_minute=6)
    for each in claim(post, 30, rules):
        with post.cast.database.transaction() as session:
            deliveries.advance(session, at(30), [Step(each, SendResult(Stage.QUEUED, note="the relay is away"))], rules)
    slots = column(post.cast.database, "SELECT slot_at FROM deliveries WHERE user_id = 'dave'")
    assert slots == [None]
    assert claimed(post, 36, rules) == []  # not before its domain's next moment
    assert "dave" in claimed(post, 40, rules)


def test_what_may_have_gone_is_held_when_the_settings_say_so(post: Post) -> None:
    rules = SendingSettings(hold=True)
    rows(post.cast.database, "UPDATE deliveries SET stage = 'sending', worker_id = 99")
    with post.cast.database.transaction() as session:
        assert queue.recover(session, at(30), rules) == 3
    assert column(post.cast.database, "SELECT DISTINCT stage FROM deliveries") == ["held"]
    assert claim(post, 10_000, rules) == []
    assert set(column(post.cast.database, "SELECT unknowns FROM deliveries")) == {1}
