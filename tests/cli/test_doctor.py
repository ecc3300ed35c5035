"""`mailtalk doctor`: what it finds in DNS, certificates, servers and relays, and a mail that comes back."""

import json
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from support import certificates
from support.command_line import Command, command
from support.dns_server import SERVFAIL, Zone, naming
from support.servers import bridging, working
from support.smtp_sink import sinking
from support.sql import column

from mailtalk.db.database import Database
from mailtalk.settings.load import Settings

DOMAIN, MX = "reply.example.net", "mx.example.net"
KEY = Ed25519PrivateKey.generate()
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
PUBLIC = b64encode(KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()
SIGNED = {"MAILTALK_DKIM_DOMAIN": DOMAIN, "MAILTALK_DKIM_SELECTOR": "one", "MAILTALK_DKIM_KEY": PEM}


@pytest.fixture
def zone() -> Iterator[Zone]:
    """All records as they should be."""
    with naming() as zone:
        zone.records = {
            (DOMAIN, "MX"): [f"10 {MX}."],
            (MX, "A"): ["127.0.0.1"],
            ("1.0.0.127.in-addr.arpa", "PTR"): [f"{MX}."],
        }
        zone.text(DOMAIN, "v=spf1 include:relay.example ~all")
        zone.text(f"_dmarc.{DOMAIN}", "v=DMARC1; p=none")
        zone.text(f"one._domainkey.{DOMAIN}", f"v=DKIM1; k=ed25519; p={PUBLIC}")
        yield zone


@pytest.fixture
def mailtalk(database_url: str, redis_url: str, tmp_path: Path, zone: Zone) -> Command:
    run = command(database_url, tmp_path)
    own = {
        "MAILTALK_REDIS_URL": redis_url,
        "MAILTALK_DNS_SERVERS": zone.address,
        "MAILTALK_REPLY_DOMAIN": DOMAIN,
    }
    return lambda *arguments, **settings: run(*arguments, **own | settings)


def findings(mailtalk: Command, *options: str, code: int = 1, **settings: str) -> dict[str, list[tuple[str, str]]]:
    """Findings by check, as (level, text with its advice)."""
    found: dict[str, list[tuple[str, str]]] = {}
    for each in json.loads(mailtalk("doctor", "--json", *options, code=code, **settings).stdout):
        found.setdefault(each["check"], []).append((each["level"], f"{each['text']} → {each['advice']}"))
    return found


def levels(found: dict[str, list[tuple[str, str]]], *checks: str) -> set[str]:
    return {level for check in checks for level, _ in found.get(check, [("missing", "")])}


def test_good_records_are_good(mailtalk: Command) -> None:
    found = findings(mailtalk, **SIGNED)
    assert levels(found, "mx", "ptr", "spf", "dkim", "dmarc") == {"ok"}
    assert f"{DOMAIN} is served by {MX} (127.0.0.1)" in found["mx"][0][1]


@pytest.mark.parametrize(
    ("check", "record", "finding"),
    [
        ("mx", (DOMAIN, "MX"), ("error", f"{DOMAIN} has no MX record: replies cannot arrive → add an MX record")),
        ("mx", (MX, "A"), ("error", f"{MX}, the MX of {DOMAIN}, has no address → add an A record")),
        ("ptr", ("1.0.0.127.in-addr.arpa", "PTR"), ("warning", "has no PTR record")),
        ("spf", (DOMAIN, "TXT"), ("warning", "has no SPF record → add a TXT record")),
        ("dmarc", (f"_dmarc.{DOMAIN}", "TXT"), ("warning", "has no DMARC record → add a TXT record")),
        ("dkim", (f"one._domainkey.{DOMAIN}", "TXT"), ("error", f'add it: "v=DKIM1; k=ed25519; p={PUBLIC}"')),
    ],
)
def test_a_missing_record_is_found(
    mailtalk: Command, zone: Zone, check: str, record: tuple[str, str], finding: tuple[str, str]
) -> None:
    del zone.records[record]
    found = findings(mailtalk, **SIGNED)
    assert [(level, finding[1] in text) for level, text in found[check]] == [(finding[0], True)]


def test_wrong_records_are_found(mailtalk: Command, zone: Zone) -> None:
    zone.text(DOMAIN, "v=spf1 -all")
    zone.records["1.0.0.127.in-addr.arpa", "PTR"] = ["elsewhere.example.net."]
    zone.records[f"one._domainkey.{DOMAIN}", "TXT"] = ['"v=DKIM1; p=AAAA"']
    found = findings(mailtalk, **SIGNED)
    assert "has 2 SPF records, so none counts" in found["spf"][0][1]
    assert "is elsewhere.example.net, which is not 127.0.0.1" in found["ptr"][0][1]
    assert "holds another key → replace it by" in found["dkim"][0][1]


def test_a_dns_that_does_not_answer_is_no_missing_record(mailtalk: Command, zone: Zone) -> None:
    zone.fail(DOMAIN, SERVFAIL, "MX")
    assert "the DNS does not answer" in findings(mailtalk)["mx"][0][1]


def test_the_bridges_certificate_is_read(mailtalk: Command, tmp_path: Path) -> None:
    cert, key = certificates.make(tmp_path, MX)
    paths = {"MAILTALK_SMTP_TLS_CERT": str(cert), "MAILTALK_SMTP_TLS_KEY": str(key)}
    (ends, _), (valid, shown) = ((level, text) for level, text in findings(mailtalk, **paths)["tls"])
    assert (ends, valid) == ("warning", "warning")  # it ends tomorrow, and the tests' machine trusts no authority
    assert f"valid for {MX} cannot be checked → install" in shown
    assert "STARTTLS" in findings(mailtalk)["tls"][0][1]


def test_servers_are_asked_for_what_they_promise(mailtalk: Command) -> None:
    found = findings(mailtalk)
    assert any("fsync is off" in text for _, text in found["settings"])  # of the tests' own server
    assert any("autovacuum is off" in text for _, text in found["database"])
    assert levels(found, "clock", "disk") == {"ok"}
    assert any("No worker runs" in text for _, text in found["work"])


def test_a_relay_is_asked_for_a_session(mailtalk: Command) -> None:
    assert "no relay is set: mails are captured" in findings(mailtalk)["relay"][0][1]
    with sinking() as sink:
        found = findings(mailtalk, "--without-mail", MAILTALK_RELAY_URL=f"{sink.url},smtp://user:hush@127.0.0.1:1")
    assert [level for level, _ in found["relay"]] == ["ok", "error"]
    assert "hush" not in str(found)


def test_a_mail_goes_out_and_comes_back(mailtalk: Command, settings: Settings, database: Database) -> None:
    with bridging(settings.model_copy(update={"reply_domain": DOMAIN})) as (host, port):
        relay: dict[str, Any] = {"relay_url": f"smtp://{host}:{port}", "reply_domain": DOMAIN}
        with working(Settings(**settings.model_dump() | relay)):
            found = findings(mailtalk, code=0, MAILTALK_RELAY_URL=f"smtp://{host}:{port}")
    ((level, text),) = found["round trip"]
    assert (level, "a mail was back after" in text, "ignored: loop" in text) == ("ok", True, True)
    assert column(database, "SELECT count(*) FROM apps") == [0]


def test_a_mail_that_is_lost_is_told_with_how_far_it_came(mailtalk: Command, settings: Settings) -> None:
    with sinking() as sink:
        with working(Settings(**settings.model_dump() | {"relay_url": sink.url})):
            found = findings(mailtalk, "--patience", "3", MAILTALK_RELAY_URL=sink.url)
        without_worker = findings(mailtalk, "--patience", "1", MAILTALK_RELAY_URL=sink.url)
    assert "no mail came back within 3 s: the relay accepted it" in found["round trip"][0][1]
    assert "it was not made; does a worker run?" in without_worker["round trip"][0][1]


def test_people_see_signs_and_advice(mailtalk: Command) -> None:
    shown = mailtalk("doctor", code=1).stdout
    assert "ok    mx          " in shown
    assert "FAIL  work        No worker runs" in shown
    assert "                  → see: mailtalk status" in shown
