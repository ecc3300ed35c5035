"""Retention: what ended long ago is deleted by the worker, what waits and what people wrote is kept."""

import pytest
from support.cast import Cast
from support.outbox import PACE, Post, at
from support.sql import column, rows
from support.statements import counted

from mailtalk import clock, file_uses, files
from mailtalk.changes import log as change_log
from mailtalk.conversations import conversations, message_retention, messages
from mailtalk.conversations.drafts import Draft
from mailtalk.file_uses import FileToken
from mailtalk.keys import Keyring
from mailtalk.mail.parsing.parse import MailAttachment
from mailtalk.outbound import retention
from mailtalk.settings.load import Settings
from mailtalk.vocabulary import MessageType, Origin
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


@pytest.fixture
def filed(post: Post, keyring: Keyring) -> str:
    """A file that two messages of different age have, beside the message of `post`; the others are of another day."""
    given = MailAttachment("plan.pdf", "application/pdf", b"%PDF", None, inline=False)
    with post.cast.database.transaction() as session:
        token = files.upload(session, keyring, post.cast.app_id, given, at(0))
    for seconds in (1, 5 * DAY):
        with post.cast.database.transaction() as session:
            reference = file_uses.references(session, post.cast.app_id, {0: FileToken("attachment", token)})[0]
            draft = Draft(MessageType.USER, "the plan", Origin.REST, "alice", attachment=reference)
            conversation = conversations.lock(session, post.cast.key)
            messages.post(session, at(seconds), PACE, conversation, [draft])
    return token


def purge_messages(post: Post, seconds: float, days: float | None) -> int:
    with post.cast.database.transaction() as session:
        return message_retention.purge(session, at(seconds), days)


def test_messages_are_kept_unless_a_setting_says_how_long(post: Post, filed: str) -> None:
    assert purge_messages(post, 100_000 * DAY, None) == 0
    for days, gone, left, stored in ((2.5, 2, 1, 1), (2.5, 0, 1, 1)):
        assert purge_messages(post, 2.5 * DAY + 2, days) == gone
        assert column(post.cast.database, "SELECT count(*) FROM messages") == [left]
        assert column(post.cast.database, "SELECT count(*) FROM files") == [stored]
    newest = "SELECT last_message_at FROM conversations WHERE id = 'hello'"
    assert column(post.cast.database, newest) == [at(5 * DAY)]
    assert purge_messages(post, 8 * DAY, 2) == 1
    assert column(post.cast.database, "SELECT count(*) FROM files") == [0]
    assert column(post.cast.database, newest) == [None]


def test_old_messages_go_in_small_steps_of_as_many_statements_whatever_their_number(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    for i in range(1, 4):
        post.say("alice", f"word {i}", i)
    counts = []
    for most in (1, 3):
        monkeypatch.setattr(message_retention, "PURGED", most)
        with counted(post.cast.database) as statements:
            assert purge_messages(post, 10 * DAY, 2) == most
        counts.append(statements.counts)
    assert counts[0] == counts[1]
    assert purge_messages(post, 10 * DAY, 2) == 0


def test_a_worker_deletes_all_of_them_by_its_settings(post: Post, settings: Settings) -> None:
    old = clock.now().replace(year=clock.now().year - 2)
    rows(post.cast.database, "UPDATE deliveries SET stage = 'sent', ended_at = :old", old=old)
    rows(post.cast.database, "UPDATE notifications SET ended_at = :old", old=old)
    rows(post.cast.database, "UPDATE changes SET requested_at = :old", old=old)
    rows(post.cast.database, "UPDATE messages SET created_at = :old", old=old)
    _purge(settings, post.cast.database).look()
    assert column(post.cast.database, "SELECT count(*) FROM messages") == [1]
    _purge(settings.model_copy(update={"message_days": 700.0}), post.cast.database).look()
    for table in ("deliveries", "notifications", "changes", "messages"):
        assert column(post.cast.database, f"SELECT count(*) FROM {table}") == [0]  # noqa: S608  ours
