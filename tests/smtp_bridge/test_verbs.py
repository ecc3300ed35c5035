"""What the bridge says to each verb, over real sockets."""

import re
from collections.abc import Iterator

import pytest
from support.cast import Cast
from support.raw_smtp import POSTMASTER, Talk
from support.servers import bridging, make_settings
from support.smtp_client import DOMAIN, MAIL, address_of, kept

from mailtalk.keys import Keyring

NOWHERE = "postgresql://127.0.0.1:1/none"
ENHANCED = re.compile(r"[245]\d\d [245]\.\d\.\d ")


@pytest.fixture(scope="module")
def where() -> Iterator[tuple[str, int]]:
    """A bridge that needs no database for what it says."""
    with bridging(make_settings(database_url=NOWHERE, redis_url="redis://127.0.0.1:1")) as where:
        yield where


def test_it_says_what_it_can(where: tuple[str, int]) -> None:
    with Talk(where) as talk:
        assert talk.greeting == f"220 {DOMAIN} ESMTP Mailtalk"
        lines = talk.say("EHLO client.example").splitlines()
        assert lines == [
            f"250-{DOMAIN}", "250-SIZE 25000000", "250-8BITMIME", "250-SMTPUTF8", "250-PIPELINING",
            "250 ENHANCEDSTATUSCODES",
        ]  # fmt: skip
        assert talk.say("HELO client.example") == f"250 {DOMAIN}"


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (["VRFY postmaster"], 252),
        (["VRFY <someone@example.com"], 252),
        (["VRFY"], 252),
        (["EXPN staff"], 502),
        (["AUTH PLAIN AGEAYg=="], 500),
        (["STARTTLS"], 500),
        (["BDAT 10 LAST"], 500),
        (["LHLO client.example"], 500),
        (["WHATEVER"], 500),
        (["\u00fcber"], 500),
        ([""], 500),
        (["EHLO"], 501),
        (["MAIL FROM:<a@example.com>"], 503),
        (["EHLO x", "RCPT TO:<a@example.com>"], 503),
        (["EHLO x", "DATA"], 503),
        (["EHLO x", "MAIL a@example.com"], 501),
        (["EHLO x", "MAIL FROM:<a@example.com> SIZE=25000001"], 552),
        (["EHLO x", "MAIL FROM:<a@example.com> SIZE=25000000 BODY=8BITMIME SMTPUTF8"], 250),
        (["EHLO x", "MAIL FROM:<a@example.com> RET=FULL"], 555),
        (["EHLO x", "MAIL FROM:<>"], 250),
        (["EHLO x", "MAIL FROM:<"], 553),
        (["EHLO x", "MAIL FROM:" + "(" * 1_900], 553),
        (["EHLO x", "MAIL FROM:<>", 'RCPT TO:"'], 553),
        (["EHLO x", "MAIL FROM:<> SIZE=\u00b2"], 501),
        (["EHLO x", "MAIL FROM:<a@example.com>", "MAIL FROM:<a@example.com>"], 503),
        (["NOOP"], 250),
        (["RSET"], 250),
        (["QUIT"], 221),
        (["NOOP " + "x" * 3_000], 500),
    ],
)
def test_each_verb_has_its_answer_with_an_enhanced_code(where: tuple[str, int], lines: list[str], code: int) -> None:
    with Talk(where) as talk:
        reply = talk.say(*lines)
        assert reply.startswith(f"{code} ")
        assert ENHANCED.match(reply)


def test_no_answer_repeats_what_was_said(where: tuple[str, int]) -> None:
    with Talk(where) as talk:
        said = [talk.say(f"{verb} sesame") for verb in ("VRFY", "EXPN", "SESAME", "MAIL", "RCPT", "AUTH")]
        assert "sesame" not in "".join(said).lower()


def test_commands_may_be_sent_together(cast: Cast, keyring: Keyring, bridge: tuple[str, int]) -> None:
    cast.join("bob")
    bob = address_of(cast, keyring, "bob")
    lines = ["EHLO x", "MAIL FROM:<>", f"RCPT TO:<{bob}>", "RCPT TO:<nobody@example.com>", "DATA", ""]
    with Talk(bridge) as talk:
        talk.send("\r\n".join(lines).encode() + MAIL + b".\r\nNOOP\r\nQUIT\r\n")
        codes = [talk.hear()[:3] for _ in range(8)]
    assert codes == ["250", "250", "250", "550", "354", "250", "250", "221"]
    assert kept(cast) == [MAIL]


def test_who_is_done_writing_is_still_answered(cast: Cast, bridge: tuple[str, int]) -> None:
    with Talk(bridge) as talk:
        talk.begin()
        talk.send(MAIL + b".\r\n")
        talk.socket.shutdown(1)
        assert talk.hear() == "250 2.0.0 OK: queued"
        assert talk.hear() == ""
    assert kept(cast) == [MAIL]


def test_the_postmaster_has_no_need_of_a_domain(where: tuple[str, int]) -> None:
    with Talk(where) as talk:
        talk.say("EHLO x", "MAIL FROM:<>")
        assert {talk.say(f"RCPT TO:<{each}>")[:3] for each in ("postmaster", "PostMaster", POSTMASTER)} == {"250"}
