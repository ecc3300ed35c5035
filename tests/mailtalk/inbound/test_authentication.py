"""Who really sent a mail: a table over mails, records and envelopes, asked of a real DNS server."""

import time
from collections.abc import Callable, Iterator

import pytest
from support.dns_server import SERVFAIL, SILENCE, Zone, naming
from support.signed_mails import key, sealed, signed

from mailtalk.inbound import dns
from mailtalk.inbound.authentication import Authenticator, Evidence, ReceivedMail, _Check, from_domain
from mailtalk.inbound.dns import Resolver, Unanswered
from mailtalk.mail import domains

MAIL = b"From: Bob <bob@bob-mail.example>\r\nSubject: Hi\r\nTo: x@y.example\r\n\r\nHello\r\n"
ELSEWHERE = "bounces@sender.example"
HOST, STRANGER = "192.0.2.7", "192.0.2.99"
DOMAIN = "bob-mail.example"
OURS = frozenset({"x@y.example"})  # the address that the mail is sent to


@pytest.fixture(scope="module")
def server() -> Iterator[Zone]:
    with naming() as zone:
        yield zone


@pytest.fixture
def zone(server: Zone) -> Zone:
    """bob-mail.example as most domains are: SPF, a DKIM key, a DMARC record."""
    server.records.clear()
    server.asked.clear()
    for name in (DOMAIN, "news.bob-mail.example", "evil.example", "sealer.example", "other-sealer.example"):
        server.text(f"s1._domainkey.{name}", key(name)[1])
    server.text(DOMAIN, f"v=spf1 ip4:{HOST} -all")
    server.text("sub.bob-mail.example", "v=spf1 a:host.bob-mail.example mx -all")
    server.records["host.bob-mail.example", "A"] = [HOST]
    server.text("evil.example", f"v=spf1 ip4:{STRANGER} -all")
    server.text(f"_dmarc.{DOMAIN}", "v=DMARC1; p=none")
    return server


def check(
    zone: Zone, mail: bytes, mail_from: str = ELSEWHERE, ip: str | None = STRANGER, sealers: str = ""
) -> Evidence:
    domain = from_domain(mail)
    assert domain is not None
    claim = ReceivedMail(mail, mail_from, ip, "mta.example", OURS)
    return Authenticator(Resolver(zone.address), sealers or None).evidence(claim, domain)


def broken(mail: bytes) -> bytes:
    return mail.replace(b"Hello", b"Hell0")


def strict(zone: Zone) -> None:
    zone.records["_dmarc.bob-mail.example", "TXT"] = ['"v=DMARC1; p=reject; adkim=s; aspf=s"']


def no_record(zone: Zone) -> None:
    del zone.records["_dmarc.bob-mail.example", "TXT"]


def two_records(zone: Zone) -> None:
    strict(zone)
    zone.text("_dmarc.bob-mail.example", "v=DMARC1; p=none")


def as_it_is(zone: Zone) -> None:
    pass


APPENDED = signed(MAIL, DOMAIN, length=True) + b"Buy pills\r\n"
DKIM_TABLE = [
    ("unsigned", MAIL, as_it_is, "none", None),
    ("signed", signed(MAIL, DOMAIN), as_it_is, "pass", "dkim"),
    ("signed, the body changed", broken(signed(MAIL, DOMAIN)), as_it_is, "fail", None),
    ("signed, the subject changed", signed(MAIL, DOMAIN).replace(b": Hi", b": Ho"), as_it_is, "fail", None),
    ("signed by somebody else", signed(MAIL, "evil.example"), as_it_is, "none", None),
    (
        "by somebody else, and by the domain below",
        signed(signed(MAIL, DOMAIN), "evil.example"),
        as_it_is,
        "pass",
        "dkim",
    ),
    ("signed by a subdomain", signed(MAIL, "news.bob-mail.example"), as_it_is, "pass", "dkim"),
    ("signed by a subdomain, strict", signed(MAIL, "news.bob-mail.example"), strict, "fail", None),
    ("signed, strict", signed(MAIL, DOMAIN), strict, "pass", "dkim"),
    ("signed, no DMARC record", signed(MAIL, DOMAIN), no_record, "pass", "dkim"),
    ("signed, two DMARC records, which are none", signed(MAIL, "news.bob-mail.example"), two_records, "pass", "dkim"),
    ("signed up to a length, and more written behind it", APPENDED, as_it_is, "fail", None),
    ("signed up to a length", signed(MAIL, DOMAIN, length=True), as_it_is, "fail", None),
    ("another From above the signed one", b"From: eve@evil.example\r\n" + signed(MAIL, DOMAIN), as_it_is, None, None),
    (
        "a name that only begins alike",
        signed(MAIL.replace(DOMAIN.encode(), b"bob"), "evil.example"),
        as_it_is,
        "none",
        None,
    ),
    ("a key that is not there", signed(MAIL, DOMAIN).replace(b"s=s1", b"s=s2"), as_it_is, "fail", None),
    ("no signature at all", b"DKIM-Signature: d=bob-mail.example\r\n" + MAIL, as_it_is, "fail", None),
    ("noise", b"DKIM-Signature: ;;;=d=bob-mail.example\xff;\x00\r\n" + MAIL, as_it_is, None, None),
    (
        "results that came with it",
        b"Authentication-Results: us; dkim=pass; dmarc=pass\r\n" + MAIL,
        as_it_is,
        "none",
        None,
    ),
]


@pytest.mark.parametrize(
    ("mail", "publish", "dkim", "by"), [row[1:] for row in DKIM_TABLE], ids=[r[0] for r in DKIM_TABLE]
)
def test_dkim(zone: Zone, mail: bytes, publish: Callable[[Zone], None], dkim: str | None, by: str | None) -> None:
    publish(zone)
    if from_domain(mail) is None:
        assert mail.count(b"From:") == 2
        return
    found = check(zone, mail)
    assert found.by == by
    assert dkim in {None, found.dkim}


@pytest.mark.parametrize(
    ("mail_from", "ip", "publish", "spf", "by"),
    [
        (f"bob@{DOMAIN}", HOST, as_it_is, "pass", "spf"),
        (f"bob@{DOMAIN}", STRANGER, as_it_is, "fail", None),
        (f"bob@{DOMAIN}", None, as_it_is, "none", None),
        (f"bob@{DOMAIN}", "::1", as_it_is, "fail", None),
        (f"bob@{DOMAIN}", "nonsense", as_it_is, "fail", None),
        (f"b@sub.{DOMAIN}", HOST, as_it_is, "pass", "spf"),
        (f"b@sub.{DOMAIN}", HOST, strict, "fail", None),
        ("eve@evil.example", STRANGER, as_it_is, "none", None),  # its own SPF passes, and is not asked for
        (f"x@{DOMAIN}-evil.example", STRANGER, as_it_is, "none", None),
        ("x@mail.example", STRANGER, as_it_is, "none", None),
        ("", HOST, as_it_is, "none", None),
        ("no address", HOST, as_it_is, "none", None),
    ],
)
def test_spf(  # noqa: PLR0913, PLR0917  a row of the table
    zone: Zone, mail_from: str, ip: str | None, publish: Callable[[Zone], None], spf: str, by: str | None
) -> None:
    publish(zone)
    found = check(zone, MAIL, mail_from, ip)
    assert (found.spf, found.by) == (spf, by)


PASSED = f"dkim=pass header.d={DOMAIN}; dmarc=pass (p=none) header.from={DOMAIN}"


@pytest.mark.parametrize(
    ("mail", "trusted", "arc", "by"),
    [
        (sealed(MAIL, "sealer.example", PASSED), "", "none", None),
        (sealed(MAIL, "sealer.example", PASSED), "other-sealer.example", "fail", None),
        (sealed(MAIL, "sealer.example", PASSED), "other-sealer.example, Sealer.example", "pass", "arc"),
        (broken(sealed(MAIL, "sealer.example", PASSED)), "sealer.example", "fail", None),
        (sealed(MAIL, "sealer.example", "dmarc=fail header.from=bob-mail.example"), "sealer.example", "fail", None),
        (sealed(MAIL, "sealer.example", "dmarc=pass header.from=evil.example"), "sealer.example", "fail", None),
        (
            sealed(sealed(MAIL, "other-sealer.example", PASSED), "sealer.example", "dmarc=fail; arc=pass"),
            "sealer.example",
            "fail",
            None,
        ),
        (
            sealed(sealed(MAIL, "other-sealer.example", PASSED), "sealer.example", "dmarc=fail; arc=pass"),
            "sealer.example, other-sealer.example",
            "pass",
            "arc",
        ),
        (MAIL, "sealer.example", "none", None),
    ],
)
def test_arc_is_believed_of_trusted_sealers_alone(
    zone: Zone, mail: bytes, trusted: str, arc: str, by: str | None
) -> None:
    found = check(zone, mail, sealers=trusted)
    assert (found.arc, found.by) == (arc, by)


TO_ANOTHER = MAIL.replace(b"x@y.example", b"carol@else.example")
TO_NOBODY = MAIL.replace(b"To: x@y.example\r\n", b"")


@pytest.mark.parametrize(
    ("mail", "result"),
    [
        (signed(TO_ANOTHER, DOMAIN), "unaddressed"),
        (b"To: x@y.example\r\n" + signed(TO_ANOTHER, DOMAIN), "unaddressed"),  # the lower To is the signed one
        (b"Cc: x@y.example\r\n" + signed(TO_ANOTHER, DOMAIN), "unaddressed"),
        (b"To: x@y.example\r\n" + signed(TO_NOBODY, DOMAIN, headers=[b"From", b"Subject"]), "unaddressed"),
        (signed(MAIL, DOMAIN, headers=[b"From", b"Subject"]), "unaddressed"),
        (signed(TO_NOBODY, DOMAIN), "unaddressed"),  # as a blind copy
        (signed(MAIL.replace(b"x@y.example", b'Carol <c@else.example>,\r\n "X" <X@Y.example>'), DOMAIN), "pass"),
        (signed(MAIL.replace(b"x@y.example", b"replies+X@y.example"), DOMAIN), "pass"),
        (signed(b"Cc: x@y.example\r\n" + TO_ANOTHER, DOMAIN, headers=[b"From", b"To", b"Cc"]), "pass"),
    ],
)
def test_a_signed_mail_to_somebody_else_is_no_proof_here(zone: Zone, mail: bytes, result: str) -> None:
    found = check(zone, mail)
    assert (found.dkim, found.by) == (result, "dkim" if result == "pass" else None)
    assert check(zone, mail, f"bob@{DOMAIN}", HOST).by == ("dkim" if result == "pass" else "spf")


def test_a_sealed_mail_to_somebody_else_is_no_proof_here(zone: Zone) -> None:
    for mail in (
        sealed(TO_ANOTHER, "sealer.example", PASSED),
        b"To: x@y.example\r\n" + sealed(TO_ANOTHER, "sealer.example", PASSED),
    ):
        assert check(zone, mail, sealers="sealer.example").arc == "unaddressed"


@pytest.mark.parametrize(
    "respaced",
    [
        (b"ARC-Message-Signature: i=1;", b"ARC-Message-Signature:\r\n\ti=1;"),
        (b"ARC-Message-Signature: i=1;", b"ARC-Message-Signature:i=1;"),
        (b"ARC-Message-Signature: i=1;", b"arc-message-signature:  i=1;\r\n "),
    ],
)
def test_a_seal_is_valid_however_it_is_folded(zone: Zone, respaced: tuple[bytes, bytes]) -> None:
    mail = sealed(MAIL, "sealer.example", PASSED)
    assert mail.count(respaced[0]) == 1
    assert check(zone, mail.replace(*respaced), sealers="sealer.example").by == "arc"


@pytest.mark.parametrize(
    ("results", "by"),
    [
        (f"dkim=pass header.d={DOMAIN}; spf=none", "arc"),
        (f"dkim=pass header.i=@{DOMAIN}; dmarc=none", "arc"),
        (f"spf=pass smtp.mailfrom=bob@sub.{DOMAIN}", "arc"),
        (f"dkim=pass header.d={DOMAIN}; dmarc=fail header.from={DOMAIN}", None),
        ("dkim=pass header.d=evil.example; spf=pass smtp.mailfrom=eve@evil.example", None),
        (f"dkim=fail header.d={DOMAIN}; spf=softfail smtp.mailfrom=bob@{DOMAIN}", None),
    ],
)
def test_without_a_dmarc_record_a_sealer_saw_dkim_or_spf(zone: Zone, results: str, by: str | None) -> None:
    assert check(zone, sealed(MAIL, "sealer.example", results), sealers="sealer.example").by == by


@pytest.mark.parametrize(
    ("said", "seen"),
    [
        (f" i=1; s.example; {PASSED}", True),
        (" i=1; s.example;\r\n\tDMARC = PASS (p=NONE; sp=NONE)\r\n header.from=Bob-Mail.example", True),
        (f' i=1; s.example; dmarc=fail; spf=fail smtp.mailfrom="a; {PASSED}"@evil.example', False),
        (f" i=1; s.example; dmarc=fail (no; {PASSED}) header.from={DOMAIN}", False),
        (f" i=1; s.example; dmarc=pass header.from=evil.example; x=y header.from={DOMAIN}", False),
        (f" i=1; s.example; dmarc=pass header.from={DOMAIN}.evil.example", False),
        (" i=1; s.example; dmarc=pass", False),
    ],
)
def test_what_a_sealer_saw_is_not_what_it_quotes(zone: Zone, said: str, seen: bool) -> None:
    one = _Check(ReceivedMail(MAIL, ELSEWHERE), DOMAIN, Resolver(zone.address).questions())
    sets = [{"as-domain": b"sealer.example", "aar-value": said.encode()}]
    assert one._seen_by(sets, frozenset({"sealer.example"})) is seen


@pytest.mark.parametrize("how", [SERVFAIL, SILENCE])
@pytest.mark.parametrize("name", [f"s1._domainkey.{DOMAIN}", f"_dmarc.{DOMAIN}", DOMAIN])
def test_trouble_of_the_dns_is_no_answer(zone: Zone, monkeypatch: pytest.MonkeyPatch, name: str, how: str) -> None:
    monkeypatch.setattr(dns, "ONE_NAME", 0.1)
    zone.fail(name, how)
    mail = MAIL if name == DOMAIN else signed(MAIL, DOMAIN)
    with pytest.raises(Unanswered):
        check(zone, mail, f"bob@{DOMAIN}", STRANGER if name != DOMAIN else HOST)


def test_what_is_proven_needs_no_other_answer(zone: Zone) -> None:
    zone.fail(f"s1._domainkey.{DOMAIN}")
    assert check(zone, signed(MAIL, DOMAIN), f"bob@{DOMAIN}", HOST).by == "spf"


def test_all_that_is_asked_about_a_mail_ends_in_time(zone: Zone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns, "ONE_NAME", 0.1)
    monkeypatch.setattr(dns, "ONE_MAIL", 0.2)
    mail = MAIL
    for selector in range(20):
        name = f"s{selector}._domainkey.{DOMAIN}"
        zone.fail(name, SILENCE)
        mail = (
            b"DKIM-Signature: v=1; a=rsa-sha256; d=bob-mail.example; s=s%d; h=from; bh=aaaa; b=aaaa\r\n" % selector
            + mail
        )
    began = time.monotonic()
    with pytest.raises(Unanswered):
        check(zone, mail)
    assert time.monotonic() - began < 5
    assert len({each for each in zone.asked if "_domainkey" in each}) <= 5


def test_a_key_made_to_cost_time_is_no_key(zone: Zone) -> None:
    zone.records[f"s1._domainkey.{DOMAIN}", "TXT"] = []
    zone.text(f"s1._domainkey.{DOMAIN}", "v=DKIM1; p=" + "A" * 2_000)
    assert check(zone, signed(MAIL, DOMAIN)).dkim == "fail"


def test_strangers_domains_are_not_asked_about(zone: Zone) -> None:
    check(zone, signed(MAIL, "evil.example"), "eve@evil.example")
    assert not any("evil" in each for each in zone.asked)


@pytest.mark.parametrize(
    ("head", "domain"),
    [
        (b"From: bob@b\xc3\xbccher.example\r\n", "xn--bcher-kva.example"),
        (b"From: Bob\r\n <bob@EXAMPLE.com>\r\n", "example.com"),
        (b"From: bob@a.example\r\nFrom: bob@a.example\r\n", None),
        (b"From: bob@a.example, eve@b.example\r\n", None),
        (b'From: "eve@b.example" <bob@a.example>\r\n', "a.example"),
        (b"From: friends:bob@a.example;\r\n", "a.example"),
        (b"From: friends:bob@a.example,eve@b.example;\r\n", None),
        (b"Subject: x\r\n", None),
        (b"\r\n", None),
    ],
)
def test_the_one_from(head: bytes, domain: str | None) -> None:
    assert from_domain(head + b"\r\nFrom: c@c.example\r\n") == domain


@pytest.mark.parametrize(
    ("one", "other", "kin"),
    [
        ("a.shop.co.uk", "b.shop.co.uk", True),
        ("shop.co.uk", "bank.co.uk", False),
        ("one.github.io", "two.github.io", False),
        ("mail.shop.internal", "shop.internal", True),
        ("shop.internal", "bank.internal", False),
        ("internal", "internal", True),
    ],
)
def test_an_organisation_ends_where_the_public_suffix_begins(one: str, other: str, kin: bool) -> None:
    assert (domains.organisation(one) == domains.organisation(other)) is kin


@pytest.mark.parametrize(
    ("servers", "where"),
    [
        ("192.0.2.1", [("192.0.2.1", 53)]),
        ("192.0.2.1:5353, 2001:db8::1", [("192.0.2.1", 5353), ("2001:db8::1", 53)]),
        ("[2001:db8::1]:5353,[::1]", [("2001:db8::1", 5353), ("::1", 53)]),
    ],
)
def test_servers_as_the_setting_names_them(servers: str, where: list[tuple[str, int]]) -> None:
    found = Resolver(servers)._resolver.nameservers
    assert [(each.address, each.port) for each in found] == where
