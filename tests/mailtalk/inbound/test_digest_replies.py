"""Replies to a digest: posted where the quote names one conversation alone, else answered with a notice."""

import email
from email.message import EmailMessage
from email.message import Message as Mail

import pytest
from support.cast import Cast
from support.digests import HOUR, build, change, introduce, replies, say
from support.inbox import Box
from support.outbox import Post, text
from support.sql import column, rows, subscribe

from mailtalk.keys import Keyring
from mailtalk.outbound.deliveries import seal_name
from mailtalk.participation.rules import Request
from mailtalk.sealed_mail import unseal
from mailtalk.vocabulary import Access, ChangeKind

POSTED = "SELECT conversation_id, text FROM messages WHERE origin = 'email'"
NOTICES = "SELECT id, address, body_sealed FROM deliveries WHERE kind = 'rejection'"


@pytest.fixture
def digest(cast: Cast, keyring: Keyring) -> Mail:
    """Bob's digest of two conversations."""
    introduce(cast)
    subscribe(cast.database)
    post = Post(cast, keyring)
    say(post, "garden", "The roses bloom.")
    say(post, "roof", "It leaks.")
    (mail,) = build(post, HOUR)
    return mail


@pytest.fixture
def box(cast: Cast, keyring: Keyring) -> Box:
    return Box(cast, keyring)


def section(mail: Mail, name: str) -> str:
    """The part of a digest's text about one conversation."""
    return "━━ " + text(mail).split("━━ " + name)[1].partition("\n\n━━ ")[0].partition("\n\nTo answer")[0]


def answer(mail: Mail, said: str, quoted: str, **headers: str) -> bytes:
    reply = EmailMessage()
    fields = {"From": "bob@example.com", "Subject": f"Re: {mail['Subject']}", "In-Reply-To": mail["Message-ID"]}
    for name, value in (fields | {name.replace("_", "-"): value for name, value in headers.items()}).items():
        if value:
            reply[name] = value
    lines = "".join(f"> {line}\n" for line in quoted.splitlines())
    reply.set_content(f"{said}\n\nOn Friday, Demo <notify@reply.localhost> wrote:\n{lines}")
    return reply.as_bytes()


def send(box: Box, mail: Mail, raw: bytes) -> list[tuple[str, str, str | None]]:
    bearer = box.admit(mail["Reply-To"])
    assert bearer is not None
    box.receive(raw, bearer)
    return box.judged()


def posted(box: Box) -> list[tuple[str, str]]:
    return [(row.conversation_id, row.text) for row in rows(box.cast.database, POSTED)]


def notices(box: Box) -> list[tuple[str, str]]:
    """Address and text of each notice."""
    sent = rows(box.cast.database, NOTICES)
    raw = [(row.address, unseal(box.keyring, row.body_sealed, seal_name(row.id))) for row in sent]
    return [(address, text(email.message_from_bytes(mail))) for address, mail in raw]


def test_a_quote_of_one_section_alone_posts_there(box: Box, digest: Mail) -> None:
    assert send(box, digest, answer(digest, "I will mend it.", section(digest, "Roof")))[0][0] == "posted"
    assert posted(box) == [("roof", "I will mend it.")]
    assert notices(box) == []
    row = rows(box.cast.database, "SELECT purpose, conversation_id, user_id FROM inbound_mails")[0]
    assert tuple(row) == ("reply", "roof", "bob")


def test_the_same_mail_twice_posts_once(box: Box, digest: Mail) -> None:
    raw = answer(digest, "Lovely!", section(digest, "Garden"), Message_ID="<m1@example.com>")
    send(box, digest, raw)
    assert [outcome for outcome, _, _ in send(box, digest, raw)] == ["posted", "ignored"]
    assert posted(box) == [("garden", "Lovely!")]


@pytest.mark.parametrize("kind", ["whole", "nothing", "no In-Reply-To"])
def test_a_reply_that_names_no_single_section_is_answered_with_a_notice(box: Box, digest: Mail, kind: str) -> None:
    quoted = {"whole": text(digest), "nothing": "", "no In-Reply-To": section(digest, "Roof")}[kind]
    headers = {"In_Reply_To": ""} if kind == "no In-Reply-To" else {}
    assert send(box, digest, answer(digest, "Fine with me.", quoted, **headers)) == [
        ("refused", "ambiguous", "not-one-section")
    ]
    assert posted(box) == []
    ((address, shown),) = notices(box)
    assert address == "bob@example.com"
    assert "Use the Reply link below that conversation" in shown
    assert "Fine with me." in shown
    assert "Garden" not in shown
    told = "SELECT data->>'verdict' FROM events WHERE type = 'email.rejected'"
    assert column(box.cast.database, told) == ["ambiguous"]


def test_a_stranger_learns_nothing(box: Box, digest: Mail) -> None:
    raw = answer(digest, "Hi", text(digest), From="mallory@evil.example")
    send(box, digest, raw)
    assert posted(box) == []
    assert {address for address, _ in notices(box)} == {"bob@example.com"}
    assert box.admit(f"{'a' * 30}@reply.localhost") is None


def test_a_strangers_mail_is_refused_in_silence_by_the_apps_policy(box: Box, digest: Mail) -> None:
    rows(box.cast.database, "UPDATE apps SET sender_policy = 'match'")
    raw = answer(digest, "Hi", text(digest), From="mallory@evil.example")
    assert [verdict for _, verdict, _ in send(box, digest, raw)] == ["sender"]
    assert notices(box) == []


def test_rights_are_checked_for_the_section_when_the_reply_is_posted(box: Box, digest: Mail) -> None:
    bearer = box.admit(digest["Reply-To"])
    assert bearer is not None
    change(box.cast, "roof", "bob", Request(ChangeKind.UPDATE, access=Access.READ))
    box.receive(answer(digest, "I will mend it.", section(digest, "Roof")), bearer)
    assert box.judged() == [("refused", "no-access", "read-only")]
    assert posted(box) == []


def test_an_address_of_a_section_that_was_left_does_not_choose_another(box: Box, digest: Mail) -> None:
    bearer = box.admit(digest["Reply-To"])
    assert bearer is not None
    change(box.cast, "garden", "bob", Request(ChangeKind.LEAVE))
    box.receive(answer(digest, "Both!", text(digest)), bearer)
    assert box.judged() == [("refused", "ambiguous", "not-one-section")]


def test_a_mail_by_the_reply_link_goes_to_its_conversation(box: Box, digest: Mail) -> None:
    (_, _), (roof, subject) = replies(digest)
    bearer = box.admit(roof)
    assert bearer is not None
    box.receive(f"From: bob@example.com\r\nSubject: {subject}\r\n\r\nTomorrow at nine.\r\n".encode(), bearer)
    assert box.judged()[0][0] == "posted"
    assert posted(box) == [("roof", "Tomorrow at nine.")]


def test_a_purged_digest_takes_its_address_along(box: Box, digest: Mail) -> None:
    assert box.admit(digest["Reply-To"]) is not None
    rows(box.cast.database, "DELETE FROM deliveries")
    assert box.admit(digest["Reply-To"]) is None
