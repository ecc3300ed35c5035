"""The bridge over real sockets: who is admitted, what is kept, and that our trouble is never theirs."""

import smtplib
import socket
from collections.abc import Iterator
from contextlib import closing
from uuid import UUID

import pytest
from asking import column, rows
from cast import Cast
from servers import bridging, make_settings
from waiting import until

from mailtalk import addresses, conversations
from mailtalk.keys import Keyring
from mailtalk.mail import address
from mailtalk.participation import Request
from mailtalk.settings import Settings
from mailtalk.vocabulary import Access, ChangeKind, Purpose

DOMAIN = "reply.localhost"
NOBODY = (550, b"5.1.1 No such mailbox here")
LATER = (451, b"4.3.0 Temporary trouble here, please try again later")
KEPT = (250, b"2.0.0 OK: kept")
MAIL = b"From: bob@example.com\r\nSubject: hi\r\n\r\nHello\r\n"


@pytest.fixture
def client(bridge: tuple[str, int]) -> Iterator[smtplib.SMTP]:
    with smtplib.SMTP(*bridge, timeout=30) as client:
        client.ehlo()
        client.mail("bob@example.com")
        yield client


def address_of(cast: Cast, keyring: Keyring, user: str, purpose: Purpose = Purpose.REPLY) -> str:
    with cast.database.transaction() as session:
        row = conversations.participant(session, cast.app_id, "hello", user)
        return f"{addresses.issue(session, keyring, row, purpose)}@{DOMAIN}"


@pytest.fixture
def bob(cast: Cast, keyring: Keyring) -> str:
    cast.join("alice", "bob")
    return address_of(cast, keyring, "bob")


def kept(cast: Cast) -> list[bytes]:
    keyring = Keyring.from_setting("k" * 32)
    sealed = column(cast.database, "SELECT sealed FROM raw_mails ORDER BY id")
    return [keyring.unseal(bytes(each), about="raw-mail") for each in sealed]


@pytest.mark.parametrize("verb", [Request(ChangeKind.LEAVE), Request(ChangeKind.UPDATE, Access.READ)])
def test_who_left_or_may_only_read_is_no_mailbox(cast: Cast, bob: str, client: smtplib.SMTP, verb: Request) -> None:
    assert client.rcpt(bob)[0] == 250
    cast.change("bob", verb)
    assert client.rcpt(bob) == NOBODY


def test_unknown_junk_and_never_issued_are_answered_alike(
    cast: Cast, keyring: Keyring, bob: str, client: smtplib.SMTP
) -> None:
    with cast.database.transaction() as session:
        alice = conversations.participant(session, cast.app_id, "hello", "alice")
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


def test_too_large_is_552_and_nothing_is_kept(cast: Cast, bob: str, client: smtplib.SMTP) -> None:
    client.rcpt(bob)
    assert client.data((b"z" * 1000 + b"\r\n") * 27_000)[0] == 552
    assert kept(cast) == []
    client.mail("bob@example.com")
    client.rcpt(bob)
    assert client.data(MAIL) == KEPT


def test_a_size_that_is_announced_too_large_is_refused_at_once(bridge: tuple[str, int]) -> None:
    with smtplib.SMTP(*bridge, timeout=30) as client:
        client.ehlo()
        assert client.mail("bob@example.com", ["SIZE=30000000"])[0] == 552


def test_the_hundred_and_first_recipient_comes_later(bob: str, client: smtplib.SMTP) -> None:
    answers = [client.rcpt("postmaster")[0] for _ in range(101)]
    assert answers == [250] * 100 + [452]


def test_without_the_database_it_is_451_at_rcpt_and_postmaster_is_still_known() -> None:
    settings = make_settings(database_url="postgresql://127.0.0.1:1/none", redis_url="redis://127.0.0.1:1")
    keyring = Keyring.from_setting("k" * 32)
    known = address.token(keyring.current, UUID(int=1), 0, Purpose.REPLY)
    with bridging(settings) as where, smtplib.SMTP(*where, timeout=30) as client:
        client.ehlo()
        client.mail("bob@example.com")
        assert client.rcpt(f"{known}@{DOMAIN}") == LATER
        assert client.rcpt(f"junk@{DOMAIN}") == NOBODY
        assert client.rcpt("postmaster")[0] == 250
        assert client.data(MAIL) == LATER


def test_a_database_that_goes_away_is_451_and_comes_back(cast: Cast, bob: str, client: smtplib.SMTP) -> None:
    client.rcpt(bob)
    rows(cast.database, "ALTER TABLE raw_mails RENAME TO away")
    assert client.data(MAIL) == LATER
    rows(cast.database, "ALTER TABLE away RENAME TO raw_mails")
    rows(cast.database, "ALTER TABLE addresses RENAME TO away")
    client.mail("bob@example.com")
    assert client.rcpt(bob) == LATER
    rows(cast.database, "ALTER TABLE away RENAME TO addresses")
    kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
    rows(cast.database, f"{kill} AND pid <> pg_backend_pid()")
    assert client.rcpt(bob)[0] == 250
    assert client.data(MAIL) == KEPT


def test_a_mail_whose_sender_left_right_after_the_dot_is_kept(cast: Cast, bob: str, bridge: tuple[str, int]) -> None:
    with closing(socket.create_connection(bridge)) as raw:
        lines = ("EHLO x", "MAIL FROM:<bob@example.com>", f"RCPT TO:<{bob}>", "DATA")
        with raw.makefile("rb") as replies:
            replies.readline()
            for line in lines:
                raw.sendall(f"{line}\r\n".encode())
                while replies.readline()[3:4] == b"-":
                    pass
            with cast.database.engine.begin() as connection:
                connection.exec_driver_sql("LOCK TABLE raw_mails")  # so that the mail is in hand when its sender goes
                raw.sendall(MAIL + b".\r\n")
                until(lambda: column(cast.database, "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"))
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
                raw.close()
    until(lambda: kept(cast) == [MAIL])


def test_data_without_a_recipient_is_refused(bob: str, client: smtplib.SMTP) -> None:
    assert client.rcpt("stranger@example.com") == NOBODY
    assert client.docmd("DATA")[0] == 503


def test_the_bridge_needs_no_broker(cast: Cast, bob: str, database_url: str) -> None:
    settings: Settings = make_settings(database_url=database_url, redis_url="redis://127.0.0.1:1")
    with bridging(settings) as where, smtplib.SMTP(*where, timeout=30) as client:
        client.sendmail("bob@example.com", [bob], MAIL)
    assert kept(cast) == [MAIL]
