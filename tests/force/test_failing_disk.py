"""A disk that fails at the log's sync: no yes is given for what is not on it, and what was acknowledged is there."""

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from stacks import ForkedStack
from support.smtp_client import address_of
from support.sql import column
from support.waiting import until
from tracing import traced

from mailtalk import sealed_mail
from mailtalk.keys import Keyring

KEYRING = Keyring.from_setting("k" * 32)
WRITERS = "SELECT pid FROM pg_stat_activity WHERE backend_type IN ('client backend', 'walwriter')"
FAILS = "inject=fdatasync,fsync:error=EIO:when=1"
RECOVERED = 60.0  # seconds


@contextmanager
def failing(stack: ForkedStack, log: Path) -> Iterator[None]:
    """The next sync of each session fails with EIO, which ends PostgreSQL's processes; it then recovers by itself."""
    pids = column(stack.cast.database, WRITERS)
    with traced(pids, log, "-e", "trace=fdatasync,fsync", "-e", FAILS):
        yield
        until(lambda: "(INJECTED)" in log.read_text())


def post(http: httpx.Client, text: str) -> int:
    body = [{"type": "UserMessage", "sender": "alice", "text": text}]
    answer = http.post("/conversations/hello/messages", json=body, headers={"Idempotency-Key": text})
    return answer.status_code


def deliver(stack: ForkedStack, address: str, text: str) -> int:
    mail = f"From: bob@example.com\r\nMessage-ID: <{text}@example.com>\r\n\r\n{text}\r\n"
    with smtplib.SMTP(*stack.smtp, timeout=60) as client:
        client.ehlo()
        client.mail("bob@example.com")
        if (answer := client.rcpt(address)[0]) == 250:
            answer = client.data(mail)[0]
        return answer


def delivered(stack: ForkedStack, address: str, text: str) -> bool:
    with suppress(OSError, smtplib.SMTPException):
        return deliver(stack, address, text) == 250
    return False


@pytest.mark.timeout(300)
def test_a_message_is_answered_503_and_sent_again_is_there_once(durable: ForkedStack, tmp_path: Path) -> None:
    with durable.client() as http:
        assert post(http, "before") == 200
        with failing(durable, tmp_path / "strace"):
            assert post(http, "meanwhile") == 503
        until(lambda: post(http, "meanwhile") == 200, RECOVERED)
    assert column(durable.cast.database, "SELECT text FROM messages ORDER BY seq") == ["before", "meanwhile"]


@pytest.mark.timeout(300)
def test_a_mail_is_answered_451_and_sent_again_is_kept(durable: ForkedStack, tmp_path: Path) -> None:
    address = address_of(durable.cast, KEYRING, "bob")
    until(lambda: delivered(durable, address, "before"))  # the bridge may still be starting
    with failing(durable, tmp_path / "strace"):
        assert deliver(durable, address, "meanwhile") == 451
    until(lambda: delivered(durable, address, "meanwhile"), RECOVERED)
    kept = column(durable.cast.database, "SELECT sealed FROM raw_mails")
    mails = [sealed_mail.unseal(KEYRING, bytes(sealed), "raw-mail") for sealed in kept]
    assert {mail.splitlines()[-1] for mail in mails} == {b"before", b"meanwhile"}
    assert len(mails) <= 3  # the log's last record may be on the disk in spite of the error; the processor knows both
