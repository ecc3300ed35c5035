"""The bridge in trouble: limits, and that our trouble is never the sender's."""

import smtplib
import socket
from contextlib import closing
from uuid import UUID

from support.cast import Cast
from support.servers import bridging, make_settings
from support.smtp_client import DOMAIN, KEPT, LATER, MAIL, NOBODY, kept
from support.sql import column, rows
from support.waiting import until

from mailtalk.keys import Keyring
from mailtalk.mail import address
from mailtalk.settings.load import Settings
from mailtalk.vocabulary import Purpose


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
