"""STARTTLS over real sockets."""

import ssl
from pathlib import Path

import pytest
from support.cast import Cast
from support.certificates import make, trusting
from support.raw_smtp import Talk
from support.servers import bridging, make_settings
from support.smtp_client import kept

from mailtalk.settings.load import Settings, SettingsError
from smtp_bridge.tls import Certificate

NOWHERE = {"database_url": "postgresql://127.0.0.1:1/none", "redis_url": "redis://127.0.0.1:1"}


@pytest.fixture
def secure(tmp_path: Path) -> dict[str, Path]:
    cert, key = make(tmp_path)
    return {"smtp_tls_cert": cert, "smtp_tls_key": key}


def test_a_mail_comes_by_tls(settings: Settings, cast: Cast, secure: dict[str, Path]) -> None:
    raw = b"Subject: hi\r\n\r\n" + b"x" * 1_000_000 + b"\r\n"
    with bridging(settings.model_copy(update={**secure, "smtp_report_bytes": 2_000_000})) as where, Talk(where) as talk:
        assert talk.say("EHLO x").endswith("250 STARTTLS")
        talk.start_tls(trusting(secure["smtp_tls_cert"]))
        assert "STARTTLS" not in talk.say("EHLO x")
        assert talk.say("STARTTLS").startswith("503 5.5.1 ")
        assert talk.post(raw).startswith("250 ")
        assert talk.say("QUIT").startswith("221 ")
        assert talk.hear() == ""
    assert kept(cast) == [raw]


def test_what_was_said_before_tls_is_forgotten(secure: dict[str, Path]) -> None:
    with bridging(make_settings(**NOWHERE, **secure)) as where, Talk(where) as talk:
        talk.say("EHLO x", "MAIL FROM:<eve@example.com>", "RCPT TO:<postmaster>")
        talk.start_tls(trusting(secure["smtp_tls_cert"]))
        assert talk.say("MAIL FROM:<bob@example.com>").startswith("503 5.5.1 ")
        assert talk.say("EHLO x", "RCPT TO:<postmaster>").startswith("503 5.5.1 ")


def test_what_is_injected_behind_starttls_is_never_obeyed(secure: dict[str, Path]) -> None:
    with bridging(make_settings(**NOWHERE, **secure)) as where, Talk(where) as talk:
        talk.say("EHLO x")
        injected = b"EHLO eve\r\nMAIL FROM:<eve@example.com>\r\nRCPT TO:<postmaster>\r\n"
        talk.send(b"NOOP\r\n" * 3 + b"STARTTLS\r\n" + injected)
        assert [talk.hear()[:3] for _ in range(3)] == ["250"] * 3
        assert talk.hear().startswith("220 ")
        talk.wrap(trusting(secure["smtp_tls_cert"]))
        assert talk.say("NOOP").startswith("250 ")
        assert talk.say("DATA").startswith("503 ")
        assert talk.say("EHLO x", "MAIL FROM:<bob@example.com>").startswith("250 ")


def test_without_tls_nothing_is_taken_when_it_is_required(secure: dict[str, Path]) -> None:
    settings = make_settings(**NOWHERE, **secure, smtp_tls_required=True)
    with bridging(settings) as where, Talk(where) as talk:
        assert talk.say("EHLO x").startswith("250-")
        for each in ("MAIL FROM:<a@example.com>", "VRFY x", "RSET"):
            assert talk.say(each) == "530 5.7.0 Must issue a STARTTLS command first"
        assert talk.say("NOOP").startswith("250 ")
        talk.start_tls(trusting(secure["smtp_tls_cert"]))
        assert talk.begin().startswith("354 ")


def test_old_tls_is_refused(secure: dict[str, Path]) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.minimum_version = ssl.TLSVersion.TLSv1
    with bridging(make_settings(**NOWHERE, **secure)) as where:
        with Talk(where) as talk, pytest.raises((ssl.SSLError, ConnectionError)):
            talk.start_tls(context)
        with Talk(where) as talk:
            assert talk.say("NOOP").startswith("250 ")


def test_a_broken_handshake_hurts_nobody_else(secure: dict[str, Path]) -> None:
    with bridging(make_settings(**NOWHERE, **secure)) as where, Talk(where) as other:
        with Talk(where) as talk:
            assert talk.say("STARTTLS").startswith("220 ")
            talk.send(b"hello\r\n" * 10)
            assert talk.hear() == ""
        assert other.say("NOOP").startswith("250 ")


def test_a_certificate_without_its_key_stops_the_start(tmp_path: Path, secure: dict[str, Path]) -> None:
    other = tmp_path / "other"
    other.mkdir()
    foreign = make(other)[1]
    for key in (tmp_path / "none", foreign, secure["smtp_tls_cert"]):
        with pytest.raises(SettingsError, match="MAILTALK_SMTP_TLS_KEY"):
            Certificate.of(make_settings(**secure | {"smtp_tls_key": key}))
    assert Certificate.of(make_settings()) is None
