"""Proofs are sought before anything is locked; trouble of the DNS costs time, and never the mail."""

from collections.abc import Iterator

import pytest
from support.cast import Cast
from support.dns_server import Zone, naming
from support.inbox import DOMAIN, Box, mail
from support.signed_mails import key, signed
from support.sql import column, rows

from mailtalk import clock
from mailtalk.conversations import apps
from mailtalk.inbound import handover, quarantine, receive
from mailtalk.inbound.authentication import Authenticator, Evidence, ReceivedMail
from mailtalk.inbound.dns import Resolver
from mailtalk.inbound.handover import HandedMail
from mailtalk.inbound.receive import Arrival
from mailtalk.keys import Keyring
from mailtalk.models import InboundMail
from mailtalk.vocabulary import SenderPolicy

POSTED = ("posted", "person", "whole")
HOST = "192.0.2.7"


@pytest.fixture
def zone() -> Iterator[Zone]:
    with naming() as zone:
        zone.text("s1._domainkey.example.com", key("example.com")[1])
        zone.text("example.com", f"v=spf1 ip4:{HOST} -all")
        zone.text("_dmarc.example.com", "v=DMARC1; p=reject")
        yield zone


@pytest.fixture
def box(cast: Cast, keyring: Keyring, zone: Zone) -> Box:
    cast.join("alice", "bob")
    with cast.database.transaction() as session:
        apps.put(session, cast.app_id, {"sender_policy": SenderPolicy.AUTHENTICATED})
    return Box(cast, keyring, rules={"authenticator": Authenticator(Resolver(zone.address))})


def prove(box: Box) -> bool:
    return box.process(proving=True)


def judged(box: Box) -> list[tuple[str, str, str | None]]:
    while prove(box):
        pass
    return box.judged()


def written(box: Box, said: str = "Hello from Bob", sender: str = "bob@example.com") -> bytes:
    return mail(said, f"To: {box.address('bob')}\r\n", sender)


def test_unsigned_mail_is_put_aside_and_signed_mail_is_posted(box: Box) -> None:
    box.receive(written(box), box.bearer("bob"))
    box.receive(signed(written(box, "Signed"), "example.com"), box.bearer("bob"))
    assert judged(box) == [("quarantined", "sender", "not-proven: arc=none dkim=none spf=none"), POSTED]
    assert box.texts() == ["Signed"]
    assert column(box.cast.database, "SELECT evidence->>'by' FROM inbound_mails ORDER BY id") == [None, "dkim"]


def test_the_envelope_counts_too(box: Box) -> None:
    bearer = box.bearer("bob")
    with box.cast.database.transaction() as session:
        receive.receive(session, box.keyring, [Arrival("bob@example.com", [bearer], written(box), clock.now())])
    rows(box.cast.database, "UPDATE raw_mails SET client_ip = :ip, helo = 'mta.example.com'", ip=HOST)
    assert judged(box) == [POSTED]


@pytest.mark.parametrize(
    ("mail_from", "spf", "by"),
    [
        ("bob@example.com", "pass", "spf"),
        ("bob@mail.example.com", "pass", "spf"),
        ("bob@example.com", "temperror", None),
        ("bob@example.com", None, None),
        ("eve@evil.example", "pass", None),
        ("x@nowhere.example", "pass", None),
    ],
)
def test_a_providers_spf_proves_the_domain_of_the_envelope_sender(
    box: Box, mail_from: str, spf: str | None, by: str | None
) -> None:
    raw = b"Received-SPF: pass\r\nAuthentication-Results: mx; spf=pass; dmarc=pass\r\n" + written(box)
    handed = HandedMail(mail_from, [box.address("bob")], raw, spf)
    with box.cast.database.transaction() as session:
        assert handover.store(session, box.keyring, DOMAIN, handed, clock.now()) == []
    assert [outcome for outcome, *_ in judged(box)] == ["posted" if by else "quarantined"]
    assert column(box.cast.database, "SELECT evidence->>'by' FROM inbound_mails") == [by]


def test_nothing_is_asked_about_a_domain_that_is_not_the_users(box: Box, zone: Zone) -> None:
    box.receive(written(box, sender="bob@evil.example"), box.bearer("bob"), mail_from="x@evil.example")
    box.receive(b"From: bob@example.com\r\n" + b"X: 1\r\n" * 30_000 + b"\r\nx\r\n", box.bearer("bob"))
    assert [verdict for _, verdict, _ in judged(box)] == ["sender", "unreadable"]
    assert zone.asked == []


def test_without_its_proof_a_mail_is_not_processed_and_holds_later_ones_back(box: Box) -> None:
    for said in ("one", "two"):
        box.receive(signed(written(box, said), "example.com"), box.bearer("bob"))
    assert box.judged() == [("received", None, None)] * 2
    assert judged(box) == [POSTED] * 2
    assert box.texts() == ["one", "two"]


def test_while_the_dns_is_silent_a_mail_waits_and_others_do_not(box: Box, zone: Zone) -> None:
    zone.fail("s1._domainkey.example.com")
    box.receive(signed(written(box, "first"), "example.com"), box.bearer("bob"))
    assert prove(box)
    assert not prove(box)  # not at once
    del zone.records["s1._domainkey.example.com", "TXT"]
    zone.text("s1._domainkey.example.com", key("example.com")[1])
    box.receive(signed(written(box, "second"), "example.com"), box.bearer("bob"))
    assert judged(box) == [("received", None, "dns-temperror"), POSTED]
    rows(box.cast.database, "UPDATE inbound_mails SET not_before = date_trunc('milliseconds', now())")
    assert judged(box) == [POSTED] * 2


def test_after_two_days_a_person_decides(box: Box, zone: Zone) -> None:
    zone.fail("s1._domainkey.example.com")
    box.receive(signed(written(box), "example.com"), box.bearer("bob"))
    assert prove(box)
    rows(
        box.cast.database,
        """UPDATE inbound_mails SET not_before = date_trunc('milliseconds', now()),
            received_at = received_at - interval '49 hours'""",
    )
    assert prove(box)
    assert box.judged() == [("quarantined", "sender", "not-proven: dns=temperror")]
    assert column(box.cast.database, "SELECT kind FROM deliveries") == ["confirmation"]


def test_a_replay_asks_again_and_a_release_does_not(box: Box, zone: Zone) -> None:
    raw = signed(written(box), "example.com")
    zone.records["s1._domainkey.example.com", "TXT"] = ['"v=DKIM1; p="']
    box.receive(raw, box.bearer("bob"))
    assert [outcome for outcome, _, _ in judged(box)] == ["quarantined"]
    zone.records["s1._domainkey.example.com", "TXT"] = []
    zone.text("s1._domainkey.example.com", key("example.com")[1])
    with box.cast.database.transaction() as session:
        quarantine.replay(session.get_one(InboundMail, column(box.cast.database, "SELECT id FROM inbound_mails")[0]))
    assert judged(box) == [POSTED]


def test_no_other_policy_waits_for_the_dns(box: Box, zone: Zone) -> None:
    with box.cast.database.transaction() as session:
        apps.put(session, box.cast.app_id, {"sender_policy": SenderPolicy.MATCH})
    box.receive(written(box), box.bearer("bob"))
    assert box.judged() == [POSTED]
    assert zone.asked == []


def test_while_the_dns_is_asked_nothing_is_locked_that_others_need(box: Box, zone: Zone) -> None:
    """Others write in the conversation, and are processed, in the middle of the question."""

    class Meanwhile(Authenticator):
        def evidence(self, claim: ReceivedMail, domain: str) -> Evidence:
            box.cast.say("alice", "meanwhile")
            assert box.texts() == ["meanwhile"]
            return super().evidence(claim, domain)

    box.receive(signed(written(box), "example.com"), box.bearer("bob"))
    box.rules["authenticator"] = Meanwhile(Resolver(zone.address))
    assert judged(box) == [POSTED]
    assert box.texts() == ["meanwhile", "Hello from Bob"]
