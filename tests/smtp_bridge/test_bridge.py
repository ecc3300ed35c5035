"""The bridge over real sockets: who is admitted, and what is kept."""

import smtplib

import pytest
from support.cast import Cast
from support.smtp_client import DOMAIN, KEPT, MAIL, NOBODY, address_of, kept
from support.sql import column

from mailtalk.conversations import conversations
from mailtalk.keys import Keyring
from mailtalk.mail import address
from mailtalk.participation.rules import Request
from mailtalk.vocabulary import Access, ChangeKind, Purpose


@pytest.mark.parametrize("verb", [Request(ChangeKind.LEAVE), Request(ChangeKind.UPDATE, Access.READ)])
def test_who_left_or_may_only_read_is_no_mailbox(cast: Cast, bob: str, client: smtplib.SMTP, verb: Request) -> None:
    assert client.rcpt(bob)[0] == 250
    cast.change("bob", verb)
    assert client.rcpt(bob) == NOBODY


def test_unknown_junk_and_never_issued_are_answered_alike(
    cast: Cast, keyring: Keyring, bob: str, client: smtplib.SMTP
) -> None:
    with cast.database.transaction() as session:
        alice = conversations.participant(session, cast.participant("alice"))
    never = address.token(keyring.current, alice.id, alice.generation, Purpose.REPLY)
    strangers = [f"{never}@{DOMAIN}", f"{'a' * 30}@{DOMAIN}", f"info@{DOMAIN}", bob.replace(DOMAIN, "example.com")]
    assert {client.rcpt(each) for each in strangers} == {NOBODY}


def test_a_mail_is_kept_byte_for_byte_and_has_a_row_for_each_recipient(
    cast: Cast, keyring: Keyring, bob: str, client: smtplib.SMTP
) -> None:
    off = address_of(cast, keyring, "bob", Purpose.UNSUBSCRIBE)
    for mailbox in (bob, address_of(cast, keyring, "alice"), off.upper(), "postmaster"):
        assert client.rcpt(mailbox)[0] == 250
    assert client.rcpt("stranger@example.com") == NOBODY
    assert client.data(MAIL) == KEPT
    assert kept(cast) == [MAIL]
    purposes = column(cast.database, "SELECT purpose FROM inbound_mails ORDER BY id")
    assert purposes == ["reply", "reply", "unsubscribe", "postmaster"]


def test_several_mails_of_one_session_keep_their_own_recipients(cast: Cast, bob: str, client: smtplib.SMTP) -> None:
    client.rcpt("postmaster")
    client.rset()
    client.mail("bob@example.com")
    client.rcpt(bob)
    client.data(MAIL)
    client.mail("bob@example.com")
    client.rcpt("postmaster")
    client.data(MAIL)
    assert column(cast.database, "SELECT purpose FROM inbound_mails ORDER BY id") == ["reply", "postmaster"]


@pytest.mark.parametrize(
    "body",
    [
        b"x" * 60_000 + b"\r\n",
        bytes(range(1, 256)).replace(b"\r", b"").replace(b"\n", b"") + b"\r\n",
        b".\r\n..\r\n.x\r\n\r\n",
        b"\xff\xfe\x00\r\n",
        b"\r\n" * 5_000,
        (b"y" * 70 + b"\r\n") * 50_000,
    ],
)
def test_any_body_is_kept_as_it_is(cast: Cast, bob: str, client: smtplib.SMTP, body: bytes) -> None:
    client.rcpt(bob)
    assert client.data(MAIL + body) == KEPT
    assert kept(cast) == [MAIL + body]


@pytest.mark.parametrize("sender", ["", "ü@bücher.example", "x@example.com SIZE=10"])
def test_any_sender_is_taken(cast: Cast, bob: str, bridge: tuple[str, int], sender: str) -> None:
    with smtplib.SMTP(*bridge, timeout=30) as client:
        client.ehlo()
        client.command_encoding = "utf-8"
        local, _, options = sender.partition(" ")
        assert client.docmd(f"MAIL FROM:<{local}> {options} SMTPUTF8".replace("  ", " "))[0] == 250
        client.rcpt(bob)
        assert client.data(MAIL) == KEPT
    assert column(cast.database, "SELECT mail_from FROM raw_mails") == [local]


def test_a_sender_that_is_no_utf8_is_taken(cast: Cast, bob: str, bridge: tuple[str, int]) -> None:
    with smtplib.SMTP(*bridge, timeout=30) as client:
        client.ehlo()
        client.send(b"MAIL FROM:<b\xff\xfeb@example.com>\r\n")
        assert client.getreply()[0] == 250
        client.rcpt(bob)
        assert client.data(MAIL) == KEPT
    assert column(cast.database, "SELECT mail_from FROM raw_mails") == ["b\ufffd\ufffdb@example.com"]


@pytest.mark.parametrize("mailbox", ["\ud800", "a" * 400 + "@x", "<>", "@", '"a b"@x', "a@[127.0.0.1]", "\u0000@x"])
def test_a_strange_recipient_is_refused_without_a_word_of_python(bob: str, client: smtplib.SMTP, mailbox: str) -> None:
    client.send(b"RCPT TO:<%b>\r\n" % mailbox.encode("utf-8", "surrogatepass"))
    code, reply = client.getreply()
    assert 500 <= code < 560
    assert b"Traceback" not in reply
    assert client.noop()[0] == 250
