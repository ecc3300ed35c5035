"""Several relays, and those that want TLS or a password."""

import ssl
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from aiosmtpd.smtp import AuthResult, LoginPassword
from support import certificates
from support.relay_client import RelayClient
from support.smtp_sink import HANG_UP, Sink, sinking
from support.waiting import until

from mailtalk.outbound import circuit_breaker, smtp_greeting
from mailtalk.outbound.smtp_connection import SmtpEnvelope
from mailtalk.outbound.smtp_replies import SendResult
from mailtalk.vocabulary import Stage

MAIL = b"Subject: hi\r\n\r\nhello\r\n"


def send(relay: RelayClient) -> SendResult:
    sent = relay.send(SmtpEnvelope("notify@reply.example", "bob@example.com", "id"), MAIL, lambda: True)
    assert sent is not None
    return sent


@pytest.fixture
def sinks() -> Iterator[list[Sink]]:
    with sinking() as first, sinking() as second:
        yield [first, second]


@pytest.fixture
def relay(sinks: list[Sink]) -> Iterator[RelayClient]:
    with closing(RelayClient(",".join(sink.url for sink in sinks))) as relay:
        yield relay


@pytest.mark.parametrize(
    ("verb", "answer"),
    [
        ("CONNECT", "554 5.7.1 go away"),
        ("CONNECT", HANG_UP),
        ("MAIL", "421 4.3.2 busy"),
        ("MAIL", "550 5.7.1 not you"),
        ("MAIL", HANG_UP),
        ("RCPT", "421 4.3.2 busy"),
        ("RCPT", "554 5.7.1 relay access denied"),
        (".", "421 4.3.2 busy"),
        (".", "550 5.7.515 not signed"),
    ],
)
def test_a_relay_in_trouble_is_left_alone_and_the_next_one_takes_the_mail(
    sinks: list[Sink], relay: RelayClient, verb: str, answer: str
) -> None:
    sinks[0].will(verb, answer)
    assert [send(relay).stage for _ in range(2)] == [Stage.SENT] * 2
    assert [len(sink.mails) for sink in sinks] == [0, 2]


@pytest.mark.parametrize(("verb", "answer"), [("RCPT", "550 5.1.1 nobody"), (".", "451 later"), (".", HANG_UP)])
def test_what_is_about_one_mail_or_not_sure_goes_to_no_other_relay(
    sinks: list[Sink], relay: RelayClient, verb: str, answer: str
) -> None:
    sinks[0].will(verb, answer)
    assert send(relay).stage is not Stage.SENT
    assert sinks[1].mails == []


def test_the_first_one_is_used_again_after_a_while(
    sinks: list[Sink], relay: RelayClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(circuit_breaker, "FIRST", 0.0)
    sinks[0].will("CONNECT", HANG_UP)
    send(relay)
    send(relay)
    assert [len(sink.mails) for sink in sinks] == [1, 1]


def test_while_all_are_left_alone_nobody_is_asked_and_there_is_room_for_none(
    sinks: list[Sink], relay: RelayClient
) -> None:
    for sink in sinks:
        sink.will("CONNECT", HANG_UP)
    assert relay.room(64) == 64
    assert [send(relay).stage for _ in range(5)] == [Stage.QUEUED] * 5
    assert [sink.sessions for sink in sinks] == [1, 1]
    assert relay.room(64) == 0


def test_when_all_were_in_trouble_one_mail_tries(
    sinks: list[Sink], relay: RelayClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(circuit_breaker, "FIRST", 0.0)
    for sink in sinks:
        sink.will("CONNECT", HANG_UP)
    send(relay)
    assert relay.room(64) == 1
    assert send(relay).stage is Stage.SENT
    assert relay.room(64) == 64


@pytest.mark.parametrize(("verb", "answer"), [("RCPT", HANG_UP), (".", HANG_UP)])
def test_a_try_that_breaks_in_the_middle_is_followed_by_another(
    sinks: list[Sink], monkeypatch: pytest.MonkeyPatch, verb: str, answer: str
) -> None:
    monkeypatch.setattr(circuit_breaker, "FIRST", 0.0)
    sinks[0].will("CONNECT", HANG_UP)
    sinks[0].will(verb, answer)
    with closing(RelayClient(sinks[0].url)) as relay:
        send(relay)
        assert send(relay).stage is not Stage.SENT
        assert send(relay).stage is Stage.SENT


@pytest.mark.parametrize("verb", ["RCPT", "DATA", "."])
def test_a_mail_for_which_every_relay_closes_steps_aside_for_the_others(
    sinks: list[Sink], relay: RelayClient, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.setattr(circuit_breaker, "FIRST", 0.0)
    for sink in sinks:
        sink.will(verb, "421 4.3.2 closing")
    assert send(relay).stage is Stage.DEFERRED
    assert relay.room(64) == 1
    assert send(relay).stage is Stage.SENT


def test_an_idle_connection_is_closed(sinks: list[Sink], relay: RelayClient, monkeypatch: pytest.MonkeyPatch) -> None:
    send(relay)
    relay.tidy()
    assert not sinks[0].transports[0].is_closing()
    monkeypatch.setattr("mailtalk.outbound.relay.IDLE", 0.0)
    relay.tidy()
    until(sinks[0].transports[0].is_closing)


@pytest.fixture
def tls(tmp_path: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificates.make(tmp_path, "relay.example"))
    return context


def test_tls_is_used_where_it_is_offered_whoever_it_is(tls: ssl.SSLContext) -> None:
    with sinking(tls_context=tls) as sink, closing(RelayClient(sink.url)) as relay:
        sink.extensions = ("PIPELINING",)
        assert send(relay).stage is Stage.SENT
        assert sink.commands.count("EHLO") == 2


def test_a_relay_that_does_not_prove_who_it_is_gets_no_password(tls: ssl.SSLContext) -> None:
    asked = []
    with sinking(tls_context=tls, authenticator=lambda *args: asked.append(args)) as sink:
        url = sink.url.replace("//", "//user:hunter2@")
        with closing(RelayClient(url)) as relay:
            sent = send(relay)
    assert sent.stage is Stage.QUEUED
    assert "CERTIFICATE_VERIFY_FAILED" in sent.text
    assert asked == []


def test_a_relay_elsewhere_without_tls_gets_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp_greeting, "_is_here", lambda _host: False)
    asked = []
    with (
        sinking(authenticator=lambda *args: asked.append(args), auth_require_tls=False) as sink,
        closing(RelayClient(sink.url.replace("//", "//user:hunter2@"))) as relay,
    ):
        sent = send(relay)
    assert (sent.stage, asked) == (Stage.QUEUED, [])
    assert "no TLS" in sent.text


@pytest.mark.parametrize(("password", "stage"), [("hunter2", Stage.SENT), ("wrong", Stage.QUEUED)])
def test_a_password_that_is_refused_burns_no_mail(password: str, stage: Stage) -> None:
    def judge(_server: object, _session: object, _envelope: object, _how: str, given: LoginPassword) -> AuthResult:
        return AuthResult(success=given == LoginPassword(b"user", b"hunter2"), handled=False)

    with (
        sinking(authenticator=judge, auth_require_tls=False) as sink,
        closing(RelayClient(sink.url.replace("//", f"//user:{password}@"))) as relay,
    ):
        assert send(relay).stage is stage


def test_a_challenge_that_is_no_ascii_burns_no_mail() -> None:
    with (
        sinking(auth_require_tls=False) as sink,
        closing(RelayClient(sink.url.replace("//", "//user:hunter2@"))) as relay,
    ):
        sink.extensions = ("AUTH CRAM-MD5",)
        sink.will("AUTH", "334 ü")
        sent = send(relay)
    assert sent.stage is Stage.QUEUED
    assert "CRAM-MD5" in sent.text


def test_a_host_that_is_no_domain_name_burns_no_mail() -> None:
    with closing(RelayClient(f"smtp://{'a' * 64}.example")) as relay:
        assert send(relay).stage is Stage.QUEUED
