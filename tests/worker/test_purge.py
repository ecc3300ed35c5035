"""Retention: what ended long ago is deleted by the worker, what waits and what people wrote is kept."""

import pytest
from support.cast import Cast
from support.outbox import Post, at
from support.sql import column, rows

from mailtalk import clock
from mailtalk.changes import log as change_log
from mailtalk.keys import Keyring
from mailtalk.outbound import retention
from mailtalk.settings.load import Settings
from worker.server import _purge

DAY = 86_400


@pytest.fixture
def post(cast: Cast, keyring: Keyring) -> Post:
    """A mail each to Bob and Carol."""
    cast.join("alice", "bob", "carol")
    post = Post(cast, keyring)
    post.say("alice", "hi")
    assert post.mailed(30) == ["bob", "carol"]
    return post


def test_deliveries_are_deleted_some_days_after_they_ended(post: Post) -> None:
    rows(post.cast.database, "UPDATE deliveries SET stage = 'sent', ended_at = :at WHERE user_id = 'bob'", at=at(0))
    for seconds, gone in ((10 * DAY, 0), (10 * DAY + 1, 1), (10 * DAY + 1, 0)):
        with post.cast.database.transaction() as session:
            assert retention.purge(session, at(seconds), 10) == gone
    assert column(post.cast.database, "SELECT user_id FROM deliveries") == ["carol"]


def test_they_are_deleted_in_small_steps(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PURGED", 1)
    rows(post.cast.database, "UPDATE deliveries SET stage = 'sent', ended_at = :at", at=at(0))
    for gone in (1, 1, 0):
        with post.cast.database.transaction() as session:
            assert retention.purge(session, at(2 * DAY), 1) == gone


def test_changes_are_deleted_once_they_are_old_unless_they_wait(post: Post) -> None:
    rows(post.cast.database, "UPDATE changes SET requested_at = :at", at=at(0))
    rows(post.cast.database, "UPDATE changes SET status = 'pending' WHERE user_id = 'bob'")
    with post.cast.database.transaction() as session:
        assert change_log.purge(session, at(DAY), 1) == 0
        assert change_log.purge(session, at(DAY + 1), 1) == 2
    assert column(post.cast.database, "SELECT user_id FROM changes") == ["bob"]


def test_a_worker_deletes_all_of_them_by_its_settings(post: Post, settings: Settings) -> None:
    old = clock.now().replace(year=clock.now().year - 2)
    rows(post.cast.database, "UPDATE deliveries SET stage = 'sent', ended_at = :old", old=old)
    rows(post.cast.database, "UPDATE notifications SET ended_at = :old", old=old)
    rows(post.cast.database, "UPDATE changes SET requested_at = :old", old=old)
    _purge(settings, post.cast.database).look()
    for table in ("deliveries", "notifications", "changes"):
        assert column(post.cast.database, f"SELECT count(*) FROM {table}") == [0]  # noqa: S608  ours
    assert column(post.cast.database, "SELECT count(*) FROM messages") == [1]
