"""Quarantine: who is asked, what the link does, and what is looked at again when a mail is let out."""

import email
import email.policy
import re
from datetime import timedelta
from typing import Any

import pytest
from support.cast import Cast
from support.inbox import BASE, LEAVE, Box, mail
from support.sql import column, rows, subscribe

from mailtalk import clock, keys, sealed_mail
from mailtalk.conversations import apps, users
from mailtalk.errors import Conflict, NotFound
from mailtalk.inbound import log as inbound_log
from mailtalk.inbound import quarantine
from mailtalk.inbound.notices import ASKED_A_DAY
from mailtalk.keys import Key, Keyring
from mailtalk.models import InboundMail
from mailtalk.vocabulary import SenderPolicy

MANY, PARTED = "--b\r\n\r\nx\r\n" * 600, "Content-Type: multipart/mixed; boundary=b\r\n"  # more parts than are read
ELSEWHERE = "bob@home.example"
POSTED = ("posted", "person", "whole")
LINK = re.compile(rf"{BASE}/inbound/release/([\w-]+)")
MADE = "SELECT id, kind, address, notification_id, body_sealed FROM deliveries ORDER BY created_at, address"


@pytest.fixture
def box(cast: Cast, keyring: Keyring) -> Box:
    cast.join("alice", "bob")
    with cast.database.transaction() as session:
        apps.put(session, cast.app_id, {"sender_policy": SenderPolicy.MATCH})
    return Box(cast, keyring)


def made(box: Box) -> list[Any]:
    """The mails about mails, read: (kind, address, mail)."""
    found = rows(box.cast.database, MADE)
    return [
        (
            row.kind,
            row.address,
            email.message_from_bytes(
                sealed_mail.unseal(box.keyring, row.body_sealed, f"delivery/{row.id}"), policy=email.policy.default
            ),
        )
        for row in found
    ]


def text(message: Any) -> str:
    found: str = message.get_body(("plain",)).get_content()
    return found


def put_aside(box: Box, said: str = "It is me", number: int = 1) -> None:
    box.receive(mail(said, f"Message-ID: <{number}@home>\r\n", sender=ELSEWHERE), box.bearer("bob"))
    box.outcomes()


def change(box: Box, verb: Any, *args: Any) -> InboundMail:
    with box.cast.database.transaction() as session:
        row = inbound_log.get(
            session, box.cast.app_id, column(box.cast.database, "SELECT max(id) FROM inbound_mails")[0]
        )
        verb(row, *args)
        return row


def test_the_participant_is_asked_once_at_their_registered_addresses(box: Box) -> None:
    with box.cast.database.transaction() as session:
        users.put(session, box.cast.app_id, "bob", {"emails": ["bob@example.com", "bob@work.example"]})
    put_aside(box)
    assert [(kind, address) for kind, address, _ in made(box)] == [
        ("confirmation", "bob@example.com"),
        ("confirmation", "bob@work.example"),
    ]
    _, _, asked = made(box)[0]
    assert "> It is me" in text(asked)
    assert asked["In-Reply-To"] == "<1@home>"
    assert asked["Auto-Submitted"] == "auto-replied"
    assert column(box.cast.database, "SELECT DISTINCT notification_id FROM deliveries") == [None]
    change(box, quarantine.replay)
    assert box.judged() == [("quarantined", "sender", "from-not-registered")]
    assert len(made(box)) == 2


def test_the_link_lets_that_mail_out(box: Box) -> None:
    put_aside(box)
    put_aside(box, "And again", 2)
    token = LINK.findall(text(made(box)[0][2]))[0]
    mail_id = quarantine.read_link(box.keyring, token, clock.now())
    assert mail_id == column(box.cast.database, "SELECT min(id) FROM inbound_mails")[0]
    with box.cast.database.transaction() as session:
        quarantine.release(session.get_one(InboundMail, mail_id), clock.now())
    assert [outcome for outcome, _, _ in box.judged()] == ["posted", "quarantined"]
    assert box.texts() == ["It is me"]


def test_a_link_ends_and_cannot_be_made_or_changed_by_others(box: Box) -> None:
    now = clock.now()
    token = quarantine.link(box.keyring, BASE, 7, now).rpartition("/")[2]
    assert quarantine.read_link(box.keyring, token, now + quarantine.LINK - timedelta(seconds=2)) == 7
    changed = [token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :] for at in range(len(token) - 1)]
    other = quarantine.link(Keyring([Key(b"o" * 32)]), BASE, 7, now).rpartition("/")[2]
    for wrong in [*changed, other, "", "x", token[:-4], token + "AAAA", "ä", "%00", "A" * 10_000]:
        with pytest.raises(NotFound):
            quarantine.read_link(box.keyring, wrong, now)
    with pytest.raises(NotFound):
        quarantine.read_link(box.keyring, token, now + quarantine.LINK + timedelta(seconds=2))


def test_a_link_works_after_the_key_was_changed(box: Box) -> None:
    token = quarantine.link(box.keyring, BASE, 7, clock.now()).rpartition("/")[2]
    ring = keys.Keyring([Key(b"n" * 32), *box.keyring.keys])
    assert quarantine.read_link(ring, token, clock.now()) == 7


def test_what_is_let_out_is_looked_at_again_but_for_its_sender(box: Box) -> None:
    put_aside(box)
    box.cast.change("bob", LEAVE)
    change(box, quarantine.release, clock.now())
    assert box.judged() == [("refused", "no-access", "left")]
    assert box.texts() == []


def test_a_flood_that_is_let_out_is_posted(box: Box) -> None:
    for number in range(3):
        box.receive(mail("Ping", f"Message-ID: <{number}@x>\r\n"), box.bearer("bob"))
    assert box.judged()[-1] == ("quarantined", "flood", "same-text")
    ((kind, address, told),) = made(box)
    assert (kind, address, told["Auto-Submitted"]) == ("rejection", "bob@example.com", "auto-replied")
    change(box, quarantine.release, clock.now())
    assert box.judged() == [POSTED] * 3


def test_a_strangers_flood_stays_a_flood_when_its_sender_is_known(box: Box) -> None:
    for number in range(2):
        box.receive(mail("Ping", f"Message-ID: <{number}@x>\r\n"), box.bearer("bob"))
    put_aside(box, "Ping")
    change(box, quarantine.release, clock.now())
    assert box.judged()[-1] == ("quarantined", "flood", "same-text")
    change(box, quarantine.release, clock.now())
    assert box.judged() == [POSTED] * 3


def test_twice_is_once_and_nothing_else_can_be_let_out(box: Box) -> None:
    put_aside(box)
    for _ in range(2):
        change(box, quarantine.release, clock.now())
    box.outcomes()
    change(box, quarantine.release, clock.now())
    assert box.judged() == [POSTED]
    box.receive(mail(""), box.bearer("bob"))
    box.outcomes()
    with pytest.raises(Conflict) as caught:
        change(box, quarantine.release, clock.now())
    assert caught.value.code == "NOT_QUARANTINED"


def test_whoever_has_the_address_cannot_fill_its_owners_inbox(box: Box) -> None:
    for number in range(ASKED_A_DAY + 3):
        put_aside(box, f"Buy {number}", number)
    assert len(made(box)) == ASKED_A_DAY
    flags = column(box.cast.database, "SELECT flag FROM inbound_mails ORDER BY id")
    assert flags == [None] * ASKED_A_DAY + ["not-asked"] * 3


def test_the_same_words_are_asked_about_once_a_day(box: Box) -> None:
    for number in range(3):
        put_aside(box, "I am on holiday", number)
    assert len(made(box)) == 1
    assert column(box.cast.database, "SELECT flag FROM inbound_mails ORDER BY id") == [None, "not-asked", "not-asked"]
    rows(box.cast.database, "UPDATE inbound_mails SET received_at = received_at - interval '25 hours'")
    put_aside(box, "I am on holiday", 3)
    assert len(made(box)) == 2


def test_who_has_no_address_is_not_asked(box: Box) -> None:
    with box.cast.database.transaction() as session:
        users.put(session, box.cast.app_id, "bob", {"emails": None})
    put_aside(box)
    assert made(box) == []
    assert column(box.cast.database, "SELECT flag FROM inbound_mails") == ["not-asked"]


def test_they_are_asked_in_their_language(box: Box) -> None:
    with box.cast.database.transaction() as session:
        users.put(session, box.cast.app_id, "bob", {"locale": "de-DE", "time_zone": "Europe/Berlin"})
    put_aside(box)
    ((_, _, asked),) = made(box)
    assert asked["Subject"] == "Waren Sie das? Hello"
    assert "veröffentlichen Sie sie bis" in text(asked)


# rejections


def test_a_rejection_once_a_day_with_the_reason_and_their_text(box: Box) -> None:
    for number in range(3):
        box.receive(mail(f"Too late {number}", f"Message-ID: <{number}@x>\r\n"), box.bearer("bob"))
    box.cast.change("bob", LEAVE)
    assert [verdict for _, verdict, _ in box.judged()] == ["no-access"] * 3
    ((kind, address, told),) = made(box)
    assert (kind, address) == ("rejection", "bob@example.com")
    assert "You can no longer write in this conversation." in text(told)
    assert "> Too late 0" in text(told)
    rows(box.cast.database, "UPDATE notices SET made_at = made_at - interval '25 hours'")
    change(box, quarantine.replay)
    box.outcomes()
    assert len(made(box)) == 2


def test_each_reason_is_told(box: Box) -> None:
    for raw in (mail(""), mail(MANY, PARTED)):
        box.receive(raw, box.bearer("bob"))
    assert [verdict for _, verdict, _ in box.judged()] == ["empty", "unreadable"]
    assert ["find new text in it" in text(told) for _, _, told in made(box)].count(True) == 1
    assert ["too large" in text(told) for _, _, told in made(box)].count(True) == 1


@pytest.mark.parametrize(
    ("raw", "mail_from"),
    [
        (mail("", "Auto-Submitted: auto-replied\r\n"), "bob@example.com"),
        (mail(MANY, f"Auto-Submitted: auto-replied\r\n{PARTED}"), "bob@example.com"),
        (mail(MANY, PARTED), ""),
        (mail(MANY, f"List-Id: <x.y>\r\n{PARTED}"), "bob@example.com"),
        (mail(head="X-A: 1\r\n" * 20_000), "bob@example.com"),
        (mail("It is me", "Precedence: bulk\r\n", sender=ELSEWHERE), ELSEWHERE),
        (mail("It is me", sender="a@x.example, b@x.example"), ELSEWHERE),
    ],
)
def test_a_machine_is_never_answered(box: Box, raw: bytes, mail_from: str) -> None:
    box.receive(raw, box.bearer("bob"), mail_from=mail_from)
    box.outcomes()
    assert made(box) == []


def test_a_doubtful_mail_is_told_of_once_a_day(box: Box) -> None:
    """Its subject alone says that a program wrote it, and people write such subjects too."""
    subscribe(box.cast.database)
    for number in range(2):
        head = f"Message-ID: <{number}@x>\r\nIn-Reply-To: <a@b.example>\r\n"
        raw = mail("I am back on Monday", head).replace(b"Subject: Re: Hello", b"Subject: Automatic reply: Hello")
        box.receive(raw, box.bearer("bob"))
    assert {verdict for _, verdict, _ in box.judged()} == {"auto-reply"}
    ((kind, address, told),) = made(box)
    assert (kind, address) == ("rejection", "bob@example.com")
    assert "automatic reply" in text(told)
    events = column(box.cast.database, "SELECT data->>'verdict' FROM events WHERE type = 'email.rejected'")
    assert events == ["auto-reply"] * 2


def test_once_a_day_is_for_each_participant(box: Box) -> None:
    for user in ("alice", "bob"):
        box.receive(mail("", f"Message-ID: <{user}@x>\r\n", sender=f"{user}@example.com"), box.bearer(user))
    with box.cast.database.transaction() as session:
        users.put(session, box.cast.app_id, "alice", {"emails": ["bob@example.com"]})
    box.outcomes()
    assert [address for _, address, _ in made(box)].count("bob@example.com") >= 1
    assert len(made(box)) == 2


def test_nothing_answers_a_null_sender(box: Box) -> None:
    raw = mail("", "In-Reply-To: <n.1@reply.localhost>\r\n")
    box.receive(raw, box.bearer("bob"), mail_from="")
    assert [verdict for _, verdict, _ in box.judged()] == ["empty"]
    assert made(box) == []


def test_no_notice_holds_the_address_it_is_about(box: Box) -> None:
    address = box.address("bob")
    box.receive(mail(f"Write to {address}!", f"Message-ID: <{address}>\r\n", sender=ELSEWHERE), box.bearer("bob"))
    box.outcomes()
    ((_, _, asked),) = made(box)
    assert address.partition("@")[0] not in asked.as_string()


# replay


@pytest.mark.parametrize("outcome", ["failed", "refused", "quarantined", "ignored"])
def test_what_had_no_effect_can_be_processed_again(box: Box, outcome: str) -> None:
    box.receive(mail(), box.bearer("bob"))
    rows(box.cast.database, "UPDATE inbound_mails SET outcome = :outcome, attempts = 5, reason = 'x'", outcome=outcome)
    change(box, quarantine.replay)
    assert box.judged() == [POSTED]


@pytest.mark.parametrize("outcome", ["posted", "unsubscribed"])
def test_what_had_its_effect_cannot(box: Box, outcome: str) -> None:
    box.receive(mail(), box.bearer("bob"))
    rows(box.cast.database, "UPDATE inbound_mails SET outcome = :outcome", outcome=outcome)
    with pytest.raises(Conflict) as caught:
        change(box, quarantine.replay)
    assert caught.value.code == "NOT_REPLAYABLE"


def test_a_replay_after_the_address_was_replaced_is_refused(box: Box) -> None:
    put_aside(box)
    box.cast.leave("bob")
    box.cast.join("bob")
    change(box, quarantine.release, clock.now())
    assert box.judged() == [("refused", "no-access", "address-replaced")]


# retention


def test_raw_mails_are_purged_and_their_rows_stay(box: Box) -> None:
    for number in range(3):
        box.receive(mail(f"{number}", f"Message-ID: <{number}@x>\r\n"), box.bearer("bob"))
    box.outcomes()
    box.receive(mail("waits"), box.bearer("bob"))
    rows(box.cast.database, "UPDATE raw_mails SET received_at = received_at - interval '31 days' WHERE id <> 2")
    with box.cast.database.transaction() as session:
        assert inbound_log.purge(session, clock.now(), days=30) == 2
        assert inbound_log.purge(session, clock.now(), days=30) == 0
    kept = "SELECT raw_id IS NOT NULL FROM inbound_mails ORDER BY id"
    assert column(box.cast.database, kept) == [False, True, False, True]  # what waits is kept, however old
    box.receive(mail("0", "Message-ID: <0@x>\r\n"), box.bearer("bob"))
    assert box.judged()[-1] == ("ignored", "duplicate", "same-mail")


def test_without_its_bytes_a_mail_cannot_be_processed_again(box: Box) -> None:
    put_aside(box)
    rows(box.cast.database, "DELETE FROM raw_mails")
    for verb, args in ((quarantine.replay, ()), (quarantine.release, (clock.now(),))):
        with pytest.raises(Conflict) as caught:
            change(box, verb, *args)
        assert caught.value.code == "RAW_MAIL_PURGED"
