"""A mail's data: what ends it, how long and how large it may be, and what of it is kept."""

import socket
from collections.abc import Iterator

import pytest
from support.cast import Cast
from support.raw_smtp import Talk
from support.servers import bridging, make_settings
from support.smtp_client import MAIL, kept
from support.sql import rows

from mailtalk.settings.load import Settings

END = b"\r\n.\r\n"
PSEUDO_ENDS = [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\n.\r", b"\r.\r\n", b"\r\n\x00.\r\n"]
SMUGGLED = b"MAIL FROM:<eve@example.com>\r\nRCPT TO:<postmaster>\r\nDATA\r\nSubject: smuggled\r\n\r\nboo"
OK = "250 2.0.0 OK: queued"
EMPTIED = "250 2.0.0 OK"


def unstuffed(raw: bytes) -> bytes:
    return raw.replace(b"\r\n.", b"\r\n")


@pytest.fixture
def where(settings: Settings) -> Iterator[tuple[str, int]]:
    """The postmaster, whom these mails go to, gets mails of any size here."""
    with bridging(settings.model_copy(update={"smtp_report_bytes": settings.smtp_message_bytes})) as where:
        yield where


def test_only_crlf_dot_crlf_ends_a_mail(cast: Cast, where: tuple[str, int]) -> None:
    raws = [MAIL + pseudo + SMUGGLED + b"\r\n" for pseudo in PSEUDO_ENDS]
    for raw in raws:
        with Talk(where) as talk:
            assert talk.post(raw) == OK
            assert talk.say("RSET") == EMPTIED
    assert kept(cast) == [unstuffed(raw) for raw in raws]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
def test_only_crlf_dot_crlf_ends_a_mail_wherever_it_breaks(cast: Cast, where: tuple[str, int], size: int) -> None:
    raw = MAIL + b"x".join(PSEUDO_ENDS) + SMUGGLED + b"\r\n"
    with Talk(where) as talk:
        talk.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        talk.begin()
        for start in range(0, len(raw), size):
            talk.send(raw[start : start + size])
        talk.send(b".\r\n")
        assert talk.hear() == OK
        assert talk.say("RSET") == EMPTIED
    assert kept(cast) == [unstuffed(raw)]


def test_dots_are_unstuffed(cast: Cast, where: tuple[str, int]) -> None:
    sent = [b"", b"..\r\n", b"...\r\n", b".a\r\n", b"\r\n", b"a\r\n..\r\n..b\r\n", b"a\r\r\n", b"\n.\n\r\n"]
    meant = [b"", b".\r\n", b"..\r\n", b"a\r\n", b"\r\n", b"a\r\n.\r\n.b\r\n", b"a\r\r\n", b"\n.\n\r\n"]
    with Talk(where) as talk:
        assert {talk.post(each) for each in sent} == {OK}
    assert kept(cast) == meant


def test_long_lines_are_taken(cast: Cast, where: tuple[str, int]) -> None:
    raws = [MAIL + b"x" * length + b"\r\n" for length in (2_000, 65_536, 10_000_000)]
    with Talk(where) as talk:
        assert {talk.post(raw) for raw in raws} == {OK}
    assert kept(cast) == raws


def test_what_is_too_large_is_refused_after_its_dot_and_the_session_goes_on(settings: Settings, cast: Cast) -> None:
    small = settings.model_copy(update={"smtp_message_bytes": 100_000})
    with bridging(small) as where, Talk(where) as talk:
        assert "250-SIZE 100000" in talk.say("EHLO x")
        assert talk.post(b"x" * 99_998 + b"\r\n").startswith("250 ")
        assert talk.post(b"x" * 99_999 + b"\r\n") == "552 5.3.4 Message too large"
        assert talk.post(b"x" * 190_000 + b"\r\n") == "552 5.3.4 Message too large"
        assert talk.post().startswith("250 ")
    assert [len(each) for each in kept(cast)] == [100_000, len(MAIL)]


def test_an_endless_mail_is_refused_and_its_sender_sent_away() -> None:
    small = make_settings(
        database_url="postgresql://127.0.0.1:1/none", redis_url="redis://127.0.0.1:1", smtp_message_bytes=100_000
    )
    with bridging(small) as where, Talk(where) as talk:
        talk.begin()
        talk.send(b"x" * 240_000)
        assert talk.hear() == "552 5.3.4 Message too large"
        assert talk.hear() == ""


def test_an_endless_command_is_refused_and_its_sender_sent_away(where: tuple[str, int]) -> None:
    with Talk(where) as talk:
        talk.send(b"NOOP " + b"x" * 40_000)
        assert talk.hear() == "500 5.5.2 Line too long"
        assert talk.hear() == ""


def test_mails_in_flight_take_no_more_memory_than_allowed(settings: Settings, cast: Cast) -> None:
    tight = settings.model_copy(update={"smtp_message_bytes": 300_000, "smtp_in_flight_bytes": 450_000})
    with bridging(tight) as where, Talk(where) as first, Talk(where) as second:
        first.begin()
        first.send(b"x" * 250_000)
        assert second.say("EHLO x", "MAIL FROM:<> SIZE=290000").startswith("452 4.3.1 ")
        assert second.post(b"y" * 100_000 + b"\r\n").startswith("452 4.3.1 ")
        assert second.post().startswith("250 ")
        first.send(END)
        assert first.hear().startswith("250 ")
        assert second.post(b"z" * 250_000 + b"\r\n").startswith("250 ")  # it was given back
    assert [raw[:1] for raw in kept(cast)] == [MAIL[:1], b"x", b"z"]


def test_memory_of_who_left_in_the_middle_is_given_back(settings: Settings, cast: Cast) -> None:
    tight = settings.model_copy(update={"smtp_message_bytes": 300_000, "smtp_in_flight_bytes": 450_000})
    with bridging(tight) as where:
        for _ in range(3):
            with Talk(where) as talk:
                talk.begin()
                talk.send(b"x" * 250_000)
                talk.reset()
        with Talk(where) as talk:
            while not (reply := talk.post(b"z" * 250_000 + b"\r\n")).startswith("250 "):
                assert reply.startswith("452 ")
    assert len(kept(cast)) == 1


def test_trouble_after_the_dot_is_451_and_the_session_goes_on(cast: Cast, where: tuple[str, int]) -> None:
    with Talk(where) as talk:
        rows(cast.database, "ALTER TABLE raw_mails RENAME TO away")
        assert talk.post() == "451 4.3.0 Temporary server failure, try again later"
        rows(cast.database, "ALTER TABLE away RENAME TO raw_mails")
        assert talk.post().startswith("250 ")
