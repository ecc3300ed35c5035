"""Digests: one mail a person for all conversations whose messages they get hourly or daily."""

from dataclasses import replace
from email.message import Message as Mail

import pytest
from support.cast import Cast
from support.digests import HOUR, PLACES, build, change, introduce, mails, replies, say
from support.outbox import SENDER, Post, at, text
from support.sql import column, rows
from support.statements import counted

from mailtalk.conversations import conversations, messages
from mailtalk.conversations.read_state import read_all
from mailtalk.ids import ConversationKey
from mailtalk.keys import Keyring
from mailtalk.notifications import remaking
from mailtalk.notifications.builder import MailBuilder
from mailtalk.outbound import queue
from mailtalk.participation import addresses
from mailtalk.participation.rules import Request
from mailtalk.support import explain
from mailtalk.vocabulary import Access, ChangeKind, Purpose


@pytest.fixture
def post(cast: Cast, keyring: Keyring) -> Post:
    introduce(cast)
    return Post(cast, keyring)


def html(mail: Mail) -> str:
    part = next(each for each in mail.walk() if each.get_content_type() == "text/html")
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode()


def test_all_conversations_are_sections_of_one_mail(post: Post) -> None:
    say(post, "garden", "The roses bloom.")
    say(post, "kitchen & yard", "The oven works.", "The sink does not.")
    assert build(post, 200) == []
    (mail,) = build(post, HOUR)
    assert mail["Subject"] == "New messages in 2 conversations in Demo"
    shown = text(mail)
    for said in ("━━ Garden ━━", "The roses bloom.", "━━ Kitchen & Yard ━━", "The oven works.", "The sink does not."):
        assert shown.count(said) == 1, said
    assert shown.index("The roses bloom.") < shown.index("Kitchen & Yard") < shown.index("The oven works.")
    assert "Kitchen &amp; Yard" in html(mail)
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["List-Unsubscribe"].startswith("<https://mail.example/unsubscribe/")
    assert mail["List-Id"]
    assert column(post.cast.database, "SELECT kind FROM deliveries") == ["digest"]
    assert set(column(post.cast.database, "SELECT status FROM notifications WHERE user_id = 'bob'")) == {"made"}


def test_each_section_has_its_own_reply_link(post: Post) -> None:
    say(post, "garden", "one")
    say(post, "kitchen & yard", "two")
    (mail,) = build(post, HOUR)
    assert [subject for _, subject in replies(mail)] == ["Re: Garden", "Re: Kitchen & Yard"]
    with post.cast.database.transaction() as session:
        bearers = [addresses.find(session, post.keyring, link.partition("@")[0]) for link, _ in replies(mail)]
        whole = addresses.find(session, post.keyring, mail["Reply-To"].partition("@")[0])
    assert [(each.purpose, each.conversation_id, each.user_id) for each in bearers if each] == [
        (Purpose.REPLY, "garden", "bob"),
        (Purpose.REPLY, "kitchen & yard", "bob"),
    ]
    assert whole is not None
    assert (whole.purpose, whole.conversation_id, whole.user_id) == (Purpose.DIGEST, None, "bob")
    assert all(f'href="mailto:{link}?subject=Re%3A%20' in html(mail) for link, _ in replies(mail))


def test_one_section_alone_is_an_ordinary_notification(post: Post) -> None:
    say(post, "garden", "one")
    (mail,) = build(post, HOUR)
    assert mail["Subject"] == "Garden"
    assert column(post.cast.database, "SELECT kind FROM deliveries") == ["notification"]


def test_rights_are_checked_for_each_section_when_the_mail_is_made(post: Post) -> None:
    for place in PLACES:
        say(post, place, f"in {place}")
    build(post, 200)
    change(post.cast, "roof", "bob", Request(ChangeKind.LEAVE))
    change(post.cast, "garden", "bob", Request(ChangeKind.UPDATE, access=Access.READ))
    (mail,) = build(post, HOUR)
    assert "in roof" not in text(mail)
    assert "in garden" in text(mail)
    assert [subject for _, subject in replies(mail)] == ["Re: Kitchen & Yard"]
    reasons = "SELECT reason FROM notifications WHERE user_id = 'bob' AND status = 'cancelled'"
    assert column(post.cast.database, reasons) == ["left"]


def test_the_address_of_a_digest_dies_with_its_last_section(post: Post) -> None:
    say(post, "garden", "one")
    say(post, "roof", "two")
    (mail,) = build(post, HOUR)
    alive = []
    for place in ("garden", "roof"):
        change(post.cast, place, "bob", Request(ChangeKind.LEAVE))
        with post.cast.database.transaction() as session:
            alive.append(addresses.find(session, post.keyring, mail["Reply-To"].partition("@")[0]) is not None)
    assert alive == [True, False]


def test_people_with_other_frequencies_get_mails_of_their_own(post: Post) -> None:
    for place in PLACES[:2]:
        change(post.cast, place, "carol", Request(ChangeKind.JOIN))
        say(post, place, "hi")
    assert [mail["To"].split()[-1] for mail in build(post, 200)] == ["<carol@example.com>"] * 2
    assert len(build(post, HOUR)) == 3


def test_a_digest_that_waits_is_checked_section_by_section(post: Post) -> None:
    for place in PLACES:
        say(post, place, f"in {place}")
    build(post, HOUR)
    with post.cast.database.transaction() as session:
        read_all(session, replace(post.cast, conversation="roof").participant("bob"))
    assert attempt(post) == []
    assert remake(post) == 1
    old, new = mails(post)
    assert new["Message-ID"] != old["Message-ID"]
    assert "in roof" not in text(new)
    assert attempt(post) == ["digest"]
    stages = "SELECT stage, reply FROM deliveries ORDER BY created_at, id"
    assert tuple(rows(post.cast.database, stages)[0]) == ("cancelled", "made anew: messages-changed")


def test_a_digest_without_any_section_left_is_cancelled(post: Post) -> None:
    for place in PLACES[:2]:
        say(post, place, "hi")
    build(post, HOUR)
    for place in PLACES[:2]:
        with post.cast.database.transaction() as session:
            read_all(session, replace(post.cast, conversation=place).participant("bob"))
    assert attempt(post) == []
    ends = rows(post.cast.database, "SELECT stage, reply FROM deliveries")
    assert [tuple(row) for row in ends] == [("cancelled", "already-read")]


def test_a_digest_of_one_section_left_becomes_a_notification(post: Post) -> None:
    for place in PLACES[:2]:
        say(post, place, f"in {place}")
    build(post, HOUR)
    with post.cast.database.transaction() as session:
        conversations.delete(session, ConversationKey(post.cast.app_id, "garden"), at(HOUR))
    assert attempt(post) == []
    remake(post)
    assert mails(post)[-1]["Subject"] == "Kitchen & Yard"
    assert attempt(post) == ["notification"]


def attempt(post: Post) -> list[str]:
    with post.cast.database.transaction() as session:
        return [each.kind for each in queue.claim(session, at(HOUR + 10), 1, 10)]


def remake(post: Post) -> int:
    with post.cast.database.transaction() as session:
        return remaking.remake(session, post.keyring, SENDER, at(HOUR + 10))


def test_explain_shows_the_digest_of_each_section(post: Post) -> None:
    for place in PLACES[:2]:
        say(post, place, "hi")
    build(post, HOUR)
    for place in PLACES[:2]:
        with post.cast.database.transaction() as session:
            (report,) = explain.page(session, replace(post.cast, conversation=place).participant("bob"), limit=5)
        assert [(row.kind, row.address) for row in report.deliveries] == [("digest", "bob@example.com")]


def test_a_long_backlog_is_counted_and_its_newest_messages_are_shown(post: Post) -> None:
    say(post, "garden", "one")
    say(post, "roof", *(f"number {i}" for i in range(60)))
    (mail,) = build(post, HOUR)
    assert "35 earlier messages are not shown here." in text(mail)
    assert "number 59" in text(mail)
    assert "number 34\n" not in text(mail)


def test_more_conversations_than_a_mail_holds_come_in_several(post: Post) -> None:
    crowd(post, 45)
    assert len(build(post, HOUR)) == 3
    assert all(len(html(mail)) < 102_000 for mail in mails(post))


def crowd(post: Post, number: int) -> None:
    """Bob is in many conversations with one new message each."""
    for statement in CROWD:
        rows(post.cast.database, statement, n=number)


CROWD = (
    """INSERT INTO conversations (app_id, id, subject, last_seq, custom)
    SELECT 'demo', 'c' || i, 'C ' || i, 1, '{}' FROM generate_series(1, :n) i""",
    """INSERT INTO participations (app_id, conversation_id, user_id, present, access, notify, frequency, joined_at)
    SELECT 'demo', 'c' || i, u, true, 'ReadWrite', 'All', 'hourly', now()
    FROM generate_series(1, :n) i, unnest(ARRAY['alice', 'bob']) u""",
    """INSERT INTO messages (app_id, conversation_id, seq, id, type, sender_id, text, origin, created_at)
    SELECT 'demo', 'c' || i, 1, 'm' || i, 'UserMessage', 'alice', 'hello', 'rest', now()
    FROM generate_series(1, :n) i""",
    """INSERT INTO notifications (app_id, conversation_id, user_id, from_seq, digest, not_before, created_at)
    SELECT 'demo', 'c' || i, 'bob', 1, true, '2026-01-02 04:00Z', now() FROM generate_series(1, :n) i""",
)


def test_the_statements_do_not_grow_with_the_sections(post: Post) -> None:
    counts = set()
    for number in (2, 10, 20):
        rows(post.cast.database, "DELETE FROM messages WHERE conversation_id ~ '^c'")
        rows(post.cast.database, "DELETE FROM participations WHERE conversation_id ~ '^c'")
        rows(post.cast.database, "DELETE FROM conversations WHERE id ~ '^c'")
        crowd(post, number)
        with counted(post.cast.database) as statements, post.cast.database.transaction() as session:
            assert MailBuilder(session, post.keyring, SENDER, at(HOUR)).build() == number
        counts.add(statements.counts)
    assert len(counts) == 1


def test_a_message_deleted_before_the_hour_is_in_no_digest(post: Post) -> None:
    say(post, "garden", "one")
    say(post, "roof", "secret")
    (message_id,) = column(post.cast.database, "SELECT id FROM messages WHERE text = 'secret'")
    with post.cast.database.transaction() as session:
        messages.delete(session, ConversationKey(post.cast.app_id, "roof"), message_id)
    (mail,) = build(post, HOUR)
    assert "secret" not in text(mail)
    assert mail["Subject"] == "Garden"
