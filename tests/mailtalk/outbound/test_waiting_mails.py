"""A mail that waits is checked again before each try: cancelled, made anew, or sent as it is."""

import email
from collections.abc import Callable, Iterator
from datetime import timedelta
from email.message import Message as Mail

import pytest
from pydantic import SecretStr
from support.cast import Cast
from support.outbox import SENDER, Post, at, text
from support.smtp_sink import HANG_UP, Sink, sinking
from support.sql import column, heal, raise_for, rows, subscribe
from support.statements import counted
from support.waiting import until

from mailtalk import clock
from mailtalk.conversations import conversations, messages, read_state, users
from mailtalk.keys import Keyring
from mailtalk.notifications import remaking
from mailtalk.outbound import queue, suppressions
from mailtalk.participation import addresses
from mailtalk.participation.rules import Request
from mailtalk.settings.load import Settings
from mailtalk.support import deliveries as support_deliveries
from mailtalk.support import explain
from mailtalk.support.deliveries import DeliveryFilter
from mailtalk.vocabulary import Access, ChangeKind, MailChange, Notify, Suspicion
from worker.server import WorkerServer

LATER = "451 4.7.1 greylisted"
ENDS = "SELECT stage, reply FROM deliveries ORDER BY created_at, stage DESC"
NEWEST = "UPDATE deliveries SET not_before = :now WHERE stage <> 'cancelled'"
Change = Callable[[Post], object]


@pytest.fixture
def sink() -> Iterator[Sink]:
    with sinking() as sink:
        yield sink


@pytest.fixture
def post(cast: Cast, keyring: Keyring) -> Post:
    """One mail to Bob about three messages is queued."""
    cast.join("alice", "bob")
    subscribe(cast.database)
    post = Post(cast, keyring)
    for i, said in enumerate(("first words", "second words", "third words")):
        post.say("alice", said, i)
    assert post.mailed(40) == ["bob"]
    return post


@pytest.fixture
def sender(settings: Settings, sink: Sink, post: Post) -> Iterator[WorkerServer]:
    """A worker that looks only when the test says so."""
    worker = WorkerServer(settings.model_copy(update={"relay_url": SecretStr(sink.url)}))
    worker._heartbeat.start()
    until(lambda: worker._heartbeat.id)
    rows(post.cast.database, "UPDATE deliveries SET created_at = now()")
    yield worker
    worker.jobs.close()
    worker._heartbeat.stop()
    worker._bell.close()
    worker.celery.close()
    worker._database.close()


def tries(post: Post, worker: WorkerServer) -> None:
    """Let the next try be due, and look until nothing is left to do."""
    rows(post.cast.database, NEWEST, now=clock.now())
    for _ in range(2):  # a mail that is made anew is sent at the next look
        worker.jobs.deliver()
        worker.jobs.mail_sender.wait()


def change(user: str = "bob", **fields: object) -> Change:
    return lambda post: post.cast.change(user, Request(ChangeKind.UPDATE, **fields))  # type: ignore[arg-type]


def delete(*numbers: int) -> Change:
    def deleted(post: Post) -> None:
        for i in numbers:
            (message_id,) = column(post.cast.database, "SELECT id FROM messages WHERE seq = :seq", seq=i)
            with post.cast.database.transaction() as session:
                messages.delete(session, post.cast.key, message_id)

    return deleted


def edit(post: Post) -> None:
    (message_id,) = column(post.cast.database, "SELECT id FROM messages WHERE seq = 2")
    with post.cast.database.transaction() as session:
        messages.edit(session, clock.now() + timedelta(seconds=1), post.cast.key, message_id, {"text": "better words"})


def mailboxes(*emails: str) -> Change:
    def put(post: Post) -> None:
        with post.cast.database.transaction() as session:
            users.put(session, post.cast.app_id, "bob", {"emails": list(emails)})

    return put


def read(post: Post) -> None:
    with post.cast.database.transaction() as session:
        read_state.read_all(session, post.cast.participant("bob"))


def suppress(post: Post) -> None:
    with post.cast.database.transaction() as session:
        args = (session, clock.now(), post.cast.app_id, "bob@example.com", Suspicion.DEAD, None, timedelta(1))
        suppressions.suppress(*args)


def rejoin(post: Post) -> None:
    post.cast.leave("bob")
    post.cast.join("bob")


@pytest.mark.parametrize(
    ("happens", "reason"),
    [
        pytest.param(delete(1, 2, 3), "nothing-left", id="deleted"),
        pytest.param(read, "already-read", id="read"),
        pytest.param(lambda post: post.cast.leave("bob"), "left", id="left"),
        pytest.param(change(access=Access.NONE), "access-none", id="access"),
        pytest.param(change(notify=Notify.OFF), "notify-off", id="notify"),
        pytest.param(change(notify=Notify.MENTIONS_ONLY), "not-mentioned", id="mentions"),
        pytest.param(change(mute_until=clock.now() + timedelta(1)), "muted", id="muted"),
        pytest.param(suppress, "suppressed: dead", id="suppressed"),
        pytest.param(mailboxes(), "no-address", id="without address"),
    ],
)
def test_a_mail_without_a_reason_is_cancelled(
    post: Post, sink: Sink, sender: WorkerServer, happens: Change, reason: str
) -> None:
    sink.will("RCPT", LATER)
    tries(post, sender)
    happens(post)
    tries(post, sender)
    assert sink.mails == []
    assert [tuple(row) for row in rows(post.cast.database, ENDS)] == [("cancelled", reason)]
    with post.cast.database.transaction() as session:
        (report,) = explain.page(session, post.cast.participant("bob"), limit=1)
        assert [(row.stage, row.reply) for row in report.deliveries] == [("cancelled", reason)]
    told = column(post.cast.database, "SELECT data->>'reason' FROM events WHERE type = 'notification.cancelled'")
    assert told == [reason]


@pytest.mark.parametrize(
    ("happens", "changed", "shown"),
    [
        pytest.param(delete(2), MailChange.MESSAGES, ("first", "third"), id="deleted"),
        pytest.param(delete(1), MailChange.MESSAGES, ("second", "third"), id="first deleted"),
        pytest.param(delete(3), MailChange.MESSAGES, ("first", "second"), id="last deleted"),
        pytest.param(edit, MailChange.MESSAGES, ("first", "better", "third"), id="edited"),
        pytest.param(change(access=Access.READ), MailChange.REPLY_ADDRESS, ("first", "second", "third"), id="access"),
        pytest.param(rejoin, MailChange.REPLY_ADDRESS, ("first", "second", "third"), id="rejoined"),
        pytest.param(mailboxes("r@example.com"), MailChange.ADDRESS, ("first", "second", "third"), id="corrected"),
    ],
)
def test_a_mail_that_changed_is_made_anew(  # noqa: PLR0913, PLR0917
    post: Post, sink: Sink, sender: WorkerServer, happens: Change, changed: str, shown: tuple[str, ...]
) -> None:
    sink.will("RCPT", LATER)
    tries(post, sender)
    ((_, first),) = post.mails()
    happens(post)
    tries(post, sender)
    ends = [tuple(row) for row in rows(post.cast.database, ENDS)]
    assert ends == [("cancelled", f"made anew: {changed}"), ("sent", "250 2.0.0 taken")]
    (raw,) = sink.mails
    mail = email.message_from_bytes(raw)
    assert mail["Message-ID"] != first["Message-ID"]
    assert [word for word in ("first", "second", "better", "third") if f"{word} words" in text(mail)] == list(shown)
    assert sink.recipients == ["r@example.com" if changed == MailChange.ADDRESS else "bob@example.com"]
    assert reply_works(post, mail)
    tries(post, sender)
    assert len(sink.mails) == 1


def reply_works(post: Post, mail: Mail) -> bool:
    """True if there is no Reply-To, or a live one."""
    local = (mail["Reply-To"] or "").partition("@")[0]
    with post.cast.database.transaction() as session:
        return not local or addresses.find(session, post.keyring, local) is not None


@pytest.mark.parametrize("answer", [HANG_UP, "451 4.3.0 later"])
@pytest.mark.parametrize(
    ("happens", "reason"),
    [
        pytest.param(delete(2), None, id="part deleted"),
        pytest.param(edit, None, id="edited"),
        pytest.param(change(access=Access.READ), MailChange.REPLY_ADDRESS, id="access"),
        pytest.param(delete(1, 2, 3), "nothing-left", id="deleted"),
        pytest.param(read, "already-read", id="read"),
        pytest.param(mailboxes("r@example.com"), MailChange.ADDRESS, id="corrected"),
        pytest.param(rejoin, MailChange.REPLY_ADDRESS, id="rejoined"),
    ],
)
def test_a_mail_whose_dot_was_sent_is_never_made_anew(  # noqa: PLR0913, PLR0917
    post: Post, sink: Sink, sender: WorkerServer, answer: str, happens: Change, reason: str | None
) -> None:
    sink.will(".", answer)
    tries(post, sender)
    (raw,) = [post.opened(row) for row in _deliveries(post)]
    happens(post)
    tries(post, sender)
    (row,) = rows(post.cast.database, ENDS)
    assert tuple(row) == (("cancelled", reason) if reason else ("sent", "250 2.0.0 taken"))
    assert set(sink.mails) <= {raw}
    assert len(sink.mails) == (answer == HANG_UP) + (reason is None)


def _deliveries(post: Post) -> list[object]:
    return [
        type("Row", (), {"id": row.id, "body_sealed": row.body_sealed})
        for row in rows(post.cast.database, "SELECT id, body_sealed FROM deliveries")
    ]


def claim(post: Post, number: int) -> int:
    with post.cast.database.transaction() as session:
        return len(queue.claim(session, at(40), 1, number))


def remake(post: Post) -> int:
    with post.cast.database.transaction() as session:
        return remaking.remake(session, post.keyring, SENDER, at(50))


def test_a_second_address_keeps_its_mail_and_the_corrected_one_gets_its_own(post: Post) -> None:
    mailboxes("bob@example.com", "typo@example.com")(post)
    post.say("alice", "to both", 100)
    post.mailed(200)
    rows(post.cast.database, "DELETE FROM deliveries WHERE created_at < :at", at=at(150))
    mailboxes("bob@example.com", "right@example.com")(post)
    with post.cast.database.transaction() as session:
        assert [each.address for each in queue.claim(session, at(200), 1, 10)] == ["bob@example.com"]
    assert (remake(post), remake(post)) == (1, 0)
    waiting = "SELECT address FROM deliveries WHERE stage = 'queued'"
    assert column(post.cast.database, waiting) == ["right@example.com"]


def test_an_address_that_was_removed_gets_nothing_more(post: Post) -> None:
    mailboxes("bob@example.com", "old@example.com")(post)
    post.say("alice", "to both", 100)
    post.mailed(200)
    mailboxes("bob@example.com")(post)
    with post.cast.database.transaction() as session:
        queue.claim(session, at(200), 1, 10)
    remake(post)
    ends = column(post.cast.database, "SELECT reply FROM deliveries WHERE address = 'old@example.com'")
    assert ends == [MailChange.ADDRESS]
    assert column(post.cast.database, "SELECT DISTINCT address FROM deliveries WHERE stage <> 'cancelled'") == [
        "bob@example.com"
    ]


def test_a_crash_while_a_mail_is_made_anew_leaves_it_to_the_next_look(post: Post) -> None:
    delete(2)(post)
    assert claim(post, 10) == 0
    raise_for(post.cast.database, "deliveries", "NEW.stage = 'cancelled'")
    with pytest.raises(Exception, match="poison"):
        remake(post)
    assert column(post.cast.database, "SELECT stage FROM deliveries") == ["outdated"]
    heal(post.cast.database, "deliveries")
    assert (remake(post), remake(post)) == (1, 0)
    assert sorted(column(post.cast.database, "SELECT stage FROM deliveries")) == ["cancelled", "queued"]
    assert claim(post, 10) == 0  # due at(50)
    with post.cast.database.transaction() as session:
        assert len(queue.claim(session, at(50), 1, 10)) == 1


def test_a_conversation_that_is_deleted_takes_its_outdated_mails_along(post: Post) -> None:
    delete(2)(post)
    claim(post, 10)
    with post.cast.database.transaction() as session:
        conversations.delete(session, post.cast.key, at(45))
    assert remake(post) == 0
    assert column(post.cast.database, "SELECT stage FROM deliveries") == ["cancelled"]


def test_the_statements_do_not_grow_with_the_mails(post: Post) -> None:
    counts = set()
    for number in (1, 10, 100):
        rows(post.cast.database, "DELETE FROM deliveries WHERE stage <> 'queued'")
        rows(post.cast.database, COPIES, number=number)
        delete_first(post)
        with counted(post.cast.database) as claims:
            assert claim(post, number) == 0
        with counted(post.cast.database) as remakes:
            assert remake(post) == number
        counts.add((claims.counts, remakes.counts))
        rows(
            post.cast.database,
            "UPDATE deliveries SET stage = 'sent' WHERE stage = 'queued' AND created_at > :at",
            at=at(45),
        )
    assert len(counts) == 1
    assert counts.pop()[0] == (1, 1)


COPIES = """INSERT INTO deliveries (app_id, id, notification_id, conversation_id, user_id, address, message_id,
    body_sealed, seqs, reply_generation, not_before, created_at)
    SELECT app_id, gen_random_uuid(), notification_id + i, conversation_id, user_id, address, message_id, body_sealed,
    '{[1,3]}', 0, not_before, created_at FROM deliveries d, generate_series(1, :number) i LIMIT :number"""


def delete_first(post: Post) -> None:
    rows(post.cast.database, "DELETE FROM messages WHERE seq = 1")


def test_a_mail_that_another_replaced_is_not_queued_again_by_an_operator(post: Post) -> None:
    delete(2)(post)
    claim(post, 10)
    remake(post)
    with post.cast.database.transaction() as session:
        assert support_deliveries.retry(session, at(60), DeliveryFilter(app_id=post.cast.app_id)) == 0
    assert sorted(column(post.cast.database, "SELECT stage FROM deliveries")) == ["cancelled", "queued"]
