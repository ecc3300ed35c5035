"""Outgoing mails for operators: lists with filters and pages, one by its id, sent again, cancelled."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest
from support.cast import Cast
from support.outbox import Post, at
from support.sql import column, rows

from mailtalk.conversations import conversations
from mailtalk.errors import NotFound
from mailtalk.keys import Keyring
from mailtalk.outbound import queue
from mailtalk.support import deliveries
from mailtalk.support.deliveries import DeliveryFilter, DeliveryReport
from mailtalk.vocabulary import Stage

STAGES = list(Stage)


@pytest.fixture
def many(post: Post) -> Post:
    """One more mail in each stage, a second apart, each to an address of its own."""
    for i, stage in enumerate(STAGES):
        rows(
            post.cast.database,
            """INSERT INTO deliveries (app_id, id, conversation_id, user_id, address, message_id, body_sealed, stage,
                not_before, created_at)
            VALUES ('demo', gen_random_uuid(), 'hello', 'carol', :address, '', '', :stage, :at, :at)""",
            address=f"Carol.{stage}@example.com",
            stage=stage,
            at=at(100 + i),
        )
    return post


def page(post: Post, limit: int = 100, after: UUID | None = None, **filters: Any) -> Sequence[DeliveryReport]:
    with post.cast.database.transaction() as session:
        return deliveries.page(session, DeliveryFilter(**filters), limit=limit, after=after)


def retry(post: Post, **filters: Any) -> int:
    with post.cast.database.transaction() as session:
        return deliveries.retry(session, at(500), DeliveryFilter(**filters))


def cancel(post: Post, **filters: Any) -> int:
    with post.cast.database.transaction() as session:
        return deliveries.cancel(session, at(500), DeliveryFilter(**filters))


def test_the_newest_are_first(many: Post) -> None:
    assert [each.stage for each in page(many)] == [*reversed(STAGES), Stage.QUEUED]
    assert [each.address for each in page(many)][-1] == "bob@example.com"


def test_filters_can_be_combined(many: Post) -> None:
    assert [each.stage for each in page(many, stages=[Stage.HELD, Stage.FAILED])] == [Stage.HELD, Stage.FAILED]
    assert [each.stage for each in page(many, since=at(108))] == [*reversed(STAGES[8:])]
    assert [each.stage for each in page(many, address="carol.HELD@example.com")] == [Stage.HELD]
    assert page(many, address="carol.held@example.com", stages=[Stage.SENT]) == []
    assert len(page(many, app_id="demo")) == len(STAGES) + 1
    with pytest.raises(NotFound):
        page(many, app_id="other")


def test_each_app_has_its_own(many: Post, keyring: Keyring) -> None:
    Cast.introduce(many.cast.database, keyring, "Other")
    rows(many.cast.database, "UPDATE deliveries SET app_id = 'other' WHERE stage = 'held'")
    assert [each.stage for each in page(many, app_id="other")] == [Stage.HELD]
    place = STAGES[::-1].index(Stage.HELD)
    assert [each.app_id for each in page(many, limit=place + 2)] == [*["demo"] * place, "other", "demo"]


@pytest.mark.parametrize("filters", [{}, {"address": "bob@example.com"}])
def test_pages_continue_after_the_last_one_even_at_the_same_time(many: Post, filters: dict[str, Any]) -> None:
    rows(many.cast.database, "UPDATE deliveries SET created_at = :at, address = 'bob@example.com'", at=at(100))
    after, ids = None, []
    while entries := page(many, 3, after, **filters):
        ids += [each.id for each in entries]
        after = ids[-1]
    assert len(ids) == len(set(ids)) == len(STAGES) + 1


def test_one_is_shown_by_its_id(post: Post) -> None:
    (listed,) = page(post)
    with post.cast.database.transaction() as session:
        assert deliveries.get(session, listed.id) == deliveries.get(session, listed.id, "demo") == listed
        with pytest.raises(NotFound):
            deliveries.get(session, listed.id, "other")
        with pytest.raises(NotFound):
            deliveries.page(session, DeliveryFilter(), limit=1, after=uuid4())


def test_what_was_not_sent_is_sent_again(many: Post) -> None:
    assert retry(many) == len(deliveries.RETRIED)
    stages = {each.stage for each in page(many)}
    assert stages == {*STAGES} - {*deliveries.RETRIED}
    assert all(each.not_before == at(500) for each in page(many, stages=[Stage.QUEUED], since=at(101)))


def test_a_retry_takes_only_what_was_chosen(many: Post) -> None:
    (failed,) = page(many, stages=[Stage.FAILED])
    (sent,) = page(many, stages=[Stage.SENT])
    assert retry(many, ids=[failed.id, sent.id]) == 1
    assert retry(many, address="CAROL.held@example.com") == 1
    assert retry(many, stages=[Stage.UNKNOWN, Stage.SENT]) == 1
    assert retry(many, since=at(109)) == 1  # the cancelled one
    assert [each.stage for each in page(many, stages=deliveries.RETRIED)] == [Stage.DEFERRED]


def test_what_must_not_be_sent_is_not_sent_again_either(post: Post) -> None:
    rows(post.cast.database, "UPDATE deliveries SET stage = 'failed', ended_at = created_at")
    post.cast.leave("bob")
    assert retry(post) == 1
    with post.cast.database.transaction() as session:
        assert queue.claim(session, at(501), 1, 10) == []
    assert [(each.stage, each.reply) for each in page(post)] == [(Stage.CANCELLED, "left")]
    rows(post.cast.database, "UPDATE deliveries SET stage = 'failed'")
    with post.cast.database.transaction() as session:
        conversations.delete(session, post.cast.key, at(502))
    assert retry(post) == 0


def test_what_waits_is_cancelled_and_never_sent(many: Post) -> None:
    assert cancel(many) == len(deliveries.CANCELLABLE) + 1  # two are queued
    assert {each.stage for each in page(many)} == {*STAGES} - {*deliveries.CANCELLABLE}
    assert column(many.cast.database, "SELECT count(*) FROM deliveries WHERE reply = 'by the operator'") == [5]
    with many.cast.database.transaction() as session:
        assert queue.claim(session, at(1000), 1, 10) == []
