"""Erasure: nothing of a user is left but what others wrote, and texts without an author if they are anonymised."""

from typing import Any

import pytest
from support.cast import QUICK, Cast
from support.sql import column, rows, subscribe
from support.statements import counted

from mailtalk import clock, files
from mailtalk.conversations import conversations, erasure, history, messages, reactions, users
from mailtalk.conversations.drafts import Draft
from mailtalk.conversations.erasure import ErasedMessages
from mailtalk.conversations.history import Old
from mailtalk.errors import Invalid, NotFound
from mailtalk.file_uses import FileToken
from mailtalk.ids import ConversationKey
from mailtalk.keys import Keyring
from mailtalk.mail.parsing.parse import MailAttachment
from mailtalk.participation import addresses
from mailtalk.participation.rules import Request
from mailtalk.vocabulary import Access, ChangeKind, MessageType, Notify, Origin, Purpose

CV = MailAttachment("cv-alice.pdf", "application/pdf", b"%PDF", None, inline=False)
DELIVERY = """INSERT INTO deliveries (app_id, id, kind, conversation_id, user_id, address, message_id, body_sealed,
        stage, not_before, created_at)
    SELECT :app, gen_random_uuid(), 'notification', 'hello', :user, :user || '@example.com', '<1>', 'x', stage, now(),
        now() FROM unnest(CAST(:stages AS text[])) AS stage"""
DIGEST = DELIVERY.replace("'hello'", "''")  # of no conversation
ANSWER = """INSERT INTO inbound_mails (app_id, user_id, purpose, outcome, received_at)
    VALUES (:app, :user, 'digest', 'refused', now())"""
STAGES = ["queued", "claimed", "sending", "deferred", "unknown", "held", "sent", "failed", "captured", "cancelled"]
MAIL = """WITH raw AS (INSERT INTO raw_mails (sealed, mail_from, received_at) VALUES ('x', :user, now()) RETURNING id)
    INSERT INTO inbound_mails (raw_id, app_id, conversation_id, user_id, participation_id, purpose, outcome,
        received_at)
    SELECT raw.id, p.app_id, p.conversation_id, p.user_id, p.id, 'reply', :outcome, now() FROM raw, participations p
    WHERE p.app_id = :app AND p.conversation_id = 'hello' AND p.user_id = ANY(:users)"""
NOTICE = """INSERT INTO notices (app_id, address, reason, made_at)
    SELECT app_id, id::text, 'flood', now() FROM participations WHERE app_id = :app AND user_id = :user"""
SUPPRESSED = """INSERT INTO suppressions (app_id, address, reason, scored_at)
    VALUES (:app, :user || '@example.com', 'hard', now())"""
TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
BOTH = pytest.mark.parametrize("mode", list(ErasedMessages))


@pytest.fixture
def cast(cast: Cast, keyring: Keyring) -> Cast:
    """Alice with something in every table."""
    subscribe(cast.database, cast.app_id)
    cast.join("alice", "bob", "carol")
    cast.change("carol", Request(ChangeKind.DEPART))  # her frozen view names Alice
    cast.say("bob", "Hi <!!mention:alice|you>")
    with cast.database.transaction() as session:
        conversations.put(session, ConversationKey(cast.app_id, "old"), {})
        posted = [
            post(session, cast, "words"),
            post(session, cast, "words with a file", file=upload(session, keyring, cast)),
            post(session, cast, "", file=upload(session, keyring, cast)),
            post(session, cast, "", location=[52.5, 13.4]),
        ]
        reactions.add(session, clock.now(), cast.participant("alice"), posted[0].id, "👍")
        drafts = [
            Draft(MessageType.USER, text, Origin.IMPORT, sender) for text, sender in (("1", "alice"), ("2", "bob"))
        ]
        old = conversations.lock(session, ConversationKey(cast.app_id, "old"))
        history.add(session, old, [Old(draft, clock.now(), ["alice"]) for draft in drafts])
        row = conversations.participant(session, cast.participant("alice"))
        addresses.issue(session, keyring, row, Purpose.REPLY)
    for user in ("alice", "bob"):
        rows(cast.database, DELIVERY, app=cast.app_id, user=user, stages=STAGES)
        rows(cast.database, NOTICE, app=cast.app_id, user=user)
        rows(cast.database, SUPPRESSED, app=cast.app_id, user=user)
    rows(cast.database, DIGEST, app=cast.app_id, user="alice", stages=["queued", "sent"])
    rows(cast.database, ANSWER, app=cast.app_id, user="alice")
    for users_, outcome in ((["alice"], "posted"), (["alice"], "received"), (["alice", "bob"], "ignored")):
        rows(cast.database, MAIL, app=cast.app_id, user="x", users=users_, outcome=outcome)
    rows(cast.database, "DELETE FROM events")
    return cast


def upload(session: Any, keyring: Keyring, cast: Cast) -> FileToken:
    return FileToken("attachmentToken", files.upload(session, keyring, cast.app_id, CV, clock.now()))


def post(session: Any, cast: Cast, text: str, **more: Any) -> Any:
    conversation = conversations.lock(session, cast.key)
    drafted = [Draft(MessageType.USER, text, Origin.REST, "alice", **more)]
    return messages.post(session, clock.now(), QUICK, conversation, drafted)[0]


def erase(cast: Cast, user: str, mode: ErasedMessages) -> None:
    with cast.database.transaction() as session:
        erasure.erase(session, clock.now(), cast.app_id, user, mode)


def naming(cast: Cast, who: str) -> dict[str, int]:
    """The number of rows that name somebody, by table."""
    query = "SELECT count(*) FROM {} AS t WHERE t::text ILIKE :who"
    counts = {
        table: column(cast.database, query.format(table), who=f"%{who}%")[0] for table in column(cast.database, TABLES)
    }
    return {table: count for table, count in counts.items() if count}


def texts(cast: Cast, conversation: str = "hello") -> list[tuple[str | None, str]]:
    query = "SELECT sender_id, text FROM messages WHERE conversation_id = :id ORDER BY seq"
    return [tuple(row) for row in rows(cast.database, query, id=conversation)]


@BOTH
def test_nothing_names_the_user_but_what_others_wrote(cast: Cast, mode: ErasedMessages) -> None:
    assert naming(cast, "alice").keys() >= {"users", "participations", "messages", "files", "deliveries", "changes"}
    erase(cast, "alice", mode)
    left = naming(cast, "alice")
    assert left.pop("events") == 2  # both, by id alone
    assert left.pop("list_places") == 1  # for an hour
    assert left == {"messages": 1}  # Bob's, with his mention
    assert column(cast.database, "SELECT count(*) FROM files") == [0]
    with cast.database.transaction() as session, pytest.raises(NotFound):
        users.get(session, cast.app_id, "alice")


def test_anonymised_texts_are_those_of_somebody_without_data(cast: Cast) -> None:
    erase(cast, "alice", ErasedMessages.ANONYMISE)
    (_, _), (first, words), (second, more) = texts(cast)
    assert (words, more, first == second, str(first).startswith("deleted_")) == (
        "words",
        "words with a file",
        True,
        True,
    )
    assert texts(cast, "old") == [(first, "1"), ("bob", "2")]
    with cast.database.transaction() as session:
        stranger = users.get(session, cast.app_id, str(first))
        assert (stranger.name, stranger.emails) == ("Deleted user", None)


def test_removed_messages_are_gone_and_the_rest_stays(cast: Cast) -> None:
    erase(cast, "alice", ErasedMessages.REMOVE)
    assert [sender for sender, _ in texts(cast)] == ["bob"]
    assert texts(cast, "old") == [("bob", "2")]
    last = "SELECT c.last_message_at = m.created_at FROM conversations c JOIN messages m ON m.conversation_id = c.id"
    assert column(cast.database, last) == [True, True]
    assert len(column(cast.database, "SELECT id FROM users")) == 3


@BOTH
def test_mails_to_the_user_are_not_sent_and_those_of_others_stay(cast: Cast, mode: ErasedMessages) -> None:
    erase(cast, "alice", mode)
    query = "SELECT user_id, stage, address FROM deliveries ORDER BY user_id, stage"
    assert [tuple(row) for row in rows(cast.database, query)] == [
        ("", "sending", ""),
        *(("bob", stage, "bob@example.com") for stage in sorted(STAGES)),
    ]
    assert column(cast.database, "SELECT user_id FROM inbound_mails") == ["bob"]
    assert column(cast.database, "SELECT count(*) FROM raw_mails") == [1]
    assert column(cast.database, "SELECT address FROM suppressions") == ["bob@example.com"]


def test_webhooks_are_told(cast: Cast) -> None:
    erase(cast, "alice", ErasedMessages.REMOVE)
    (left, deleted) = rows(cast.database, "SELECT type, conversation_id, data FROM events ORDER BY id")
    assert (left.type, left.conversation_id, deleted.type) == ("participant.left", "hello", "user.deleted")
    assert left.data["conversation"]["participants"].keys() == {"bob"}
    for data in (left.data, deleted.data):
        assert (data["user"]["id"], data["user"]["name"], data["user"]["email"]) == ("alice", "Deleted user", None)
    assert (deleted.data["mode"], deleted.data["by"]) == ("remove", "backend")


@BOTH
def test_the_id_is_a_new_users_later(cast: Cast, mode: ErasedMessages) -> None:
    erase(cast, "alice", mode)
    with cast.database.transaction() as session, pytest.raises(Invalid):
        users.put(session, cast.app_id, "alice", {"locale": "de"})
    with cast.database.transaction() as session:
        users.put(session, cast.app_id, "alice", {"name": "Another"})
    cast.join("alice")
    with cast.database.transaction() as session:
        row = conversations.participant(session, cast.participant("alice"))
        assert (row.generation, row.notify, row.access) == (0, Notify.ALL, Access.READ_WRITE)
    assert "alice" not in [sender for sender, _ in texts(cast)]


def test_a_pending_change_is_refused(cast: Cast) -> None:
    pending = cast.accept("alice", Request(ChangeKind.JOIN), "old")
    erase(cast, "alice", ErasedMessages.ANONYMISE)
    cast.apply()
    query = "SELECT status, error_code FROM changes WHERE id = :id"
    assert tuple(rows(cast.database, query, id=pending)[0]) == ("rejected", "USER_NOT_FOUND")


def test_another_apps_user_of_the_same_id_stays(cast: Cast, keyring: Keyring) -> None:
    other = Cast.introduce(cast.database, keyring, "Other")
    other.join("alice")
    erase(cast, "alice", ErasedMessages.REMOVE)
    with cast.database.transaction() as session:
        assert conversations.participant(session, other.participant("alice")).takes_part
        with pytest.raises(NotFound):
            erasure.erase(session, clock.now(), cast.app_id, "alice")


def test_the_number_of_statements_does_not_grow(cast: Cast) -> None:
    counts = []
    for user, number in (("dave", 1), ("carol", 30)):
        for i in range(number):
            with cast.database.transaction() as session:
                conversations.put(session, ConversationKey(cast.app_id, f"{user}{i}"), {})
            cast.accept(user, Request(ChangeKind.JOIN), f"{user}{i}")
        cast.apply()
        with counted(cast.database) as statements:
            erase(cast, user, ErasedMessages.REMOVE)
        counts.append(statements.counts)
    assert counts[0] == counts[1]
