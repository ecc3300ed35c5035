"""A silent DNS keeps those waiting whose app asks it, and nobody else."""

from collections.abc import Iterator

import pytest
from support.cast import Cast
from support.dns_server import SILENCE, Zone, naming
from support.inbox import Box, mail
from support.servers import make_settings, sweeping
from support.signed_mails import key, signed
from support.smtp_client import address_of
from support.sql import column, rows
from support.waiting import until

from mailtalk.inbound import dns
from mailtalk.keys import Keyring

OUTCOMES = "SELECT outcome FROM inbound_mails WHERE app_id = :app ORDER BY id"


@pytest.fixture
def zone() -> Iterator[Zone]:
    with naming() as zone:
        zone.text("s1._domainkey.example.com", key("example.com")[1])
        yield zone


def test_a_silent_dns_keeps_no_other_waiting(
    cast: Cast, keyring: Keyring, zone: Zone, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dns, "ONE_NAME", 0.5)
    strict, other = Box(cast, keyring), Box(Cast.introduce(cast.database, keyring, "Other"), keyring)
    rows(cast.database, "UPDATE apps SET sender_policy = 'authenticated' WHERE id = :app", app=cast.app_id)
    zone.fail("s1._domainkey.example.com", SILENCE)
    for box in (strict, other):
        box.cast.join("bob", "alice")
    raw = signed(mail("Hello", f"To: {address_of(cast, keyring, 'bob')}\r\n"), "example.com")
    for user in ("bob", "alice"):
        strict.receive(raw, strict.bearer(user))
    other.receive(raw, other.bearer("bob"))
    settings = make_settings(database_url=database_url, redis_url="redis://127.0.0.1:1", dns_servers=zone.address)
    with sweeping(settings):
        until(lambda: column(cast.database, OUTCOMES, app=other.cast.app_id) == ["posted"])
        assert column(cast.database, OUTCOMES, app=cast.app_id) == ["received", "received"]
        del zone.records["s1._domainkey.example.com", "TXT"]
        zone.text("s1._domainkey.example.com", key("example.com")[1])

        def proven() -> bool:
            rows(cast.database, "UPDATE inbound_mails SET not_before = now() - interval '1 ms'")
            return column(cast.database, OUTCOMES, app=cast.app_id) == ["posted", "quarantined"]

        until(proven)  # what says to be Bob's, and came to Alice's address, is not hers
