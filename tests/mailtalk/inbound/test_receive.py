"""Inbound mail: kept at the door, and processed to an outcome that has a name."""

import pytest
from support.cast import Cast
from support.inbox import DOMAIN, LEAVE, NONE, READ, ROTATE, Box, mail
from support.sql import column, heal, raise_for, rows

from mailtalk import clock
from mailtalk.errors import Unavailable
from mailtalk.inbound import claim, receive
from mailtalk.inbound.claim import Turn
from mailtalk.keys import Keyring
from mailtalk.participation.rules import Request
from mailtalk.vocabulary import Notify, Purpose


@pytest.fixture
def box(cast: Cast, keyring: Keyring) -> Box:
    cast.join("alice", "bob")
    return Box(cast, keyring)


def test_a_reply_becomes_a_message_of_its_author(box: Box) -> None:
    box.receive(mail(), box.bearer("bob"))
    assert box.outcomes() == [("posted", "whole")]
    row = rows(box.cast.database, "SELECT text, sender_id, origin, type FROM messages")[0]
    assert tuple(row) == ("Hello from Bob", "bob", "email", "UserMessage")


@pytest.mark.parametrize(("given", "kept"), [("<1.a@x.example>", "<1.a@x.example>"), ("<=?utf-8?q?=0AX:?=@x>", None)])
def test_the_mails_own_id_is_kept_if_it_can_stand_in_a_header(box: Box, given: str, kept: str | None) -> None:
    box.receive(mail(head=f"Message-ID: {given}\r\n"), box.bearer("bob"))
    assert box.outcomes() == [("posted", "whole")]
    assert column(box.cast.database, "SELECT mail_id FROM messages") == [kept]


def test_the_end_of_a_text_that_is_too_long_is_kept_beside_it(box: Box) -> None:
    box.receive(mail("some words\r\n" * 9_100 + "The end."), box.bearer("bob"))
    assert box.outcomes() == [("posted", "whole")]
    (row,) = rows(box.cast.database, "SELECT length(text) AS said, elided FROM messages")
    assert row.said == 100_000
    assert "The end." in row.elided
    assert column(box.cast.database, "SELECT flag FROM inbound_mails") == ["text-cut"]


def test_who_it_claims_to_be_from_does_not_matter(box: Box) -> None:
    box.receive(mail(sender="Alice <alice@example.com>"), box.bearer("bob"))
    assert box.outcomes() == [("posted", "whole")]
    assert column(box.cast.database, "SELECT sender_id FROM messages") == ["bob"]


def test_a_mail_that_comes_twice_is_posted_once(box: Box) -> None:
    again = b"Received: by a relay\r\n" + mail(head="Message-ID: <1@x>\r\n")
    for raw in (mail(head="Message-ID: <1@x>\r\n"), again):
        box.receive(raw, box.bearer("bob"))
    assert box.outcomes() == [("posted", "whole"), ("ignored", "same-mail")]


def test_the_same_id_with_another_text_is_another_mail(box: Box) -> None:
    for said in ("one", "two"):
        box.receive(mail(said, "Message-ID: <1@x>\r\n"), box.bearer("bob"))
    assert box.outcomes() == [("posted", "whole")] * 2


@pytest.mark.parametrize(
    ("raw", "judged"),
    [
        (mail("  \r\n"), ("ignored", "empty", "nothing-written")),
        (mail("\r\n> only a quote\r\n> of two lines"), ("ignored", "empty", "nothing-written")),
        (
            mail(head="Auto-Submitted: auto-replied\r\n"),
            ("ignored", "auto-reply", "auto-submitted: auto-replied"),
        ),
        (mail(sender=f"x@{DOMAIN}"), ("ignored", "loop", "own-domain")),
        (mail(sender="a@x.example, b@x.example"), ("refused", "sender", "not-one-from")),
        (b"no header at all\r\n", ("refused", "sender", "not-one-from")),
        (mail(head="X-A: 1\r\n" * 20_000), ("refused", "unreadable", "header-block-too-large")),
    ],
)
def test_what_is_no_reply_has_an_outcome_with_a_reason(box: Box, raw: bytes, judged: tuple[str, str, str]) -> None:
    box.receive(raw, box.bearer("bob"))
    assert box.judged() == [judged]
    assert box.texts() == []


def test_a_bounce_is_ignored(box: Box) -> None:
    box.receive(mail(), box.bearer("bob"), mail_from="")
    assert box.judged() == [("ignored", "bounce", "null-sender")]


def test_the_postmasters_mail_is_kept_and_ignored(box: Box) -> None:
    box.receive(mail(), receive.POSTMASTER)
    assert box.outcomes() == [("ignored", "postmaster")]


def test_several_recipients_of_one_mail_each_have_an_outcome(box: Box) -> None:
    box.receive(mail(), box.bearer("bob"), box.bearer("alice"), receive.POSTMASTER, box.bearer("bob"))
    outcomes = [outcome for outcome, _ in box.outcomes()]
    assert outcomes == ["posted", "posted", "ignored", "ignored"]
    assert column(box.cast.database, "SELECT sender_id FROM messages ORDER BY seq") == ["bob", "alice"]
    assert column(box.cast.database, "SELECT count(*) FROM raw_mails") == [1]


@pytest.mark.parametrize(
    ("change", "reason"), [(READ, "read-only"), (NONE, "access-none"), (LEAVE, "left"), (ROTATE, "address-replaced")]
)
def test_access_lost_after_the_door_is_refused(box: Box, change: Request, reason: str) -> None:
    box.receive(mail(), box.bearer("bob"))
    box.cast.change("bob", change)
    assert box.judged() == [("refused", "no-access", reason)]
    assert box.texts() == []


def test_one_participants_mails_keep_their_order(box: Box) -> None:
    bob, alice = box.bearer("bob"), box.bearer("alice")
    for said in ("one", "two"):
        box.receive(mail(said), bob)
    with box.cast.database.transaction() as session:
        (first,) = claim.claim(session, clock.now(), 2, Turn(most=1))
    box.receive(mail("three"), alice)
    assert box.process()
    assert not box.process()
    assert box.texts() == ["three"]  # Bob's second waits for his first, which another worker has in hand
    with box.cast.database.transaction() as session:
        claim.release(session, 2, [first.id])
    box.outcomes()
    assert box.texts() == ["three", "one", "two"]


@pytest.mark.parametrize("header", ["", "Auto-Submitted: auto-generated\r\n", "Precedence: bulk\r\n"])
def test_mail_to_the_unsubscribe_address_asks_for_notify_off(box: Box, header: str) -> None:
    box.receive(mail("", f"Subject: unsubscribe\r\n{header}"), box.bearer("bob", Purpose.UNSUBSCRIBE))
    assert [outcome for outcome, _ in box.outcomes()] == ["unsubscribed"]
    assert column(box.cast.database, "SELECT notify FROM participations WHERE user_id = 'bob'") == [Notify.ALL]
    box.cast.apply()
    assert column(box.cast.database, "SELECT notify FROM participations WHERE user_id = 'bob'") == [Notify.OFF]


@pytest.mark.parametrize(
    "raw",
    [
        mail("a\x00b"),
        mail(head="Message-ID: <\x00\x01@x>\r\n"),
        mail(head="Message-ID: <\udc80@x>\r\n".encode("utf-8", "surrogateescape").decode("latin-1")),
        mail("x", 'Content-Type: text/plain; charset="utf-7"\r\n'),
        b"From: bob@x.example\r\nMessage-ID: <\xff@x>\r\nContent-Type: text/plain; charset=utf8\r\n\r\n\xed\xa0\x80",
        mail("x", "Auto-Submitted: auto-\x00replied\r\n"),
        mail("=00", "Content-Transfer-Encoding: quoted-printable\r\n"),
        mail(
            "PHA+JiMwOzxiPng8L2I+JiN4RDgwMDs8L3A+", "Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n"
        ),
        mail("@\\(.*[" * 1000),
        mail("x" * 300_000),
    ],
)
def test_hostile_bytes_have_an_outcome_too(box: Box, raw: bytes) -> None:
    box.receive(raw, box.bearer("bob"))
    ((outcome, _),) = box.outcomes()
    assert outcome in {"posted", "ignored", "refused"}


def test_poison_is_tried_five_times_and_kept(box: Box) -> None:
    raise_for(box.cast.database, "messages", "NEW.text LIKE '%Bob%'")
    box.receive(mail(), box.bearer("bob"))
    box.receive(mail("fine"), box.bearer("alice"))
    for attempt in range(1, 6):
        rows(box.cast.database, "UPDATE inbound_mails SET not_before = NULL")
        assert box.outcomes()[0][0] == ("failed" if attempt == 5 else "received")
        assert column(box.cast.database, "SELECT attempts FROM inbound_mails ORDER BY id") == [attempt, 0]
    assert column(box.cast.database, "SELECT reason FROM inbound_mails ORDER BY id") == [
        "error: ProgrammingError",
        "whole",
    ]
    assert box.texts() == ["fine"]
    assert column(box.cast.database, "SELECT count(*) FROM raw_mails") == [2]
    heal(box.cast.database, "messages")
    rows(box.cast.database, "UPDATE inbound_mails SET outcome = 'received', not_before = NULL WHERE outcome = 'failed'")
    rows(box.cast.database, "UPDATE inbound_mails SET reason = NULL WHERE outcome = 'received'")
    assert [outcome for outcome, _ in box.outcomes()] == ["posted", "posted"]


def test_poison_holds_later_mails_of_its_author_back_and_nobody_elses(box: Box) -> None:
    raise_for(box.cast.database, "messages", "NEW.text = 'poison'")
    for said, user in (("zero", "bob"), ("poison", "bob"), ("two", "bob"), ("three", "alice")):
        box.receive(mail(said), box.bearer(user))
    assert [outcome for outcome, _ in box.outcomes()] == ["posted", "received", "received", "posted"]
    heal(box.cast.database, "messages")
    rows(box.cast.database, "UPDATE inbound_mails SET not_before = NULL")
    assert [outcome for outcome, _ in box.outcomes()] == ["posted"] * 4
    assert sorted(box.texts()) == ["poison", "three", "two", "zero"]
    assert box.texts()[-2:] == ["poison", "two"]


def test_a_database_in_trouble_is_no_poison(box: Box) -> None:
    box.receive(mail(), box.bearer("bob"))
    rows(box.cast.database, """CREATE FUNCTION full() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE 'disk full' USING ERRCODE = '53100'; END $$""")  # fmt: skip
    rows(box.cast.database, "CREATE TRIGGER t BEFORE INSERT ON messages EXECUTE FUNCTION full()")
    with pytest.raises(Unavailable):
        box.process()
    rows(box.cast.database, "DROP TRIGGER t ON messages")
    assert box.outcomes() == [("posted", "whole")]


def test_no_table_holds_an_inbound_address_in_clear(box: Box) -> None:
    secrets = {
        box.address(user, purpose) for user in ("alice", "bob") for purpose in (Purpose.REPLY, Purpose.UNSUBSCRIBE)
    }
    bob = box.address("bob")
    quote = f"> From: Alice <{box.address('alice')}>\r\n> To: Bob <{bob}>\r\n> hi"
    box.receive(mail(f"write to {bob}\r\n\r\nOn Monday, Alice <{bob}> wrote:\r\n{quote}"), box.bearer("bob"))
    box.receive(mail(head=f"Message-ID: <{bob}>\r\nAuto-Submitted: {bob}\r\n"), box.bearer("bob"), mail_from=bob)
    box.cast.say("alice", "hi")
    assert len(box.outcomes()) == 2
    tables = column(box.cast.database, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert len(tables) > 8
    for table in tables:
        clear = "".join(column(box.cast.database, f"SELECT CAST(t AS text) FROM {table} t")).lower()  # noqa: S608
        for secret in secrets:
            token = secret.partition("@")[0]
            assert token not in clear, table
            assert token.encode().hex() not in clear, table
