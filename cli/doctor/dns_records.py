"""DNS records that mail needs: MX and PTR of the reply domain, SPF, DKIM and DMARC of the sender's domain."""

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from dns import reversename

from cli.doctor.finding import Finding, error, ok, warning
from mailtalk.inbound.dns import Questions, Resolver, Unanswered
from mailtalk.mail import domains
from mailtalk.mail.composing.dkim import Signer
from mailtalk.outbound.dkim_signing import MailSigner
from mailtalk.settings.load import PREFIX, Settings

SERVERS = f"check the resolver of this machine, or {PREFIX}DNS_SERVERS"


def check(settings: Settings) -> Iterator[Finding]:
    """Check every record."""
    resolver = Resolver(settings.dns_servers)
    sender = settings.sender.rpartition("@")[2]
    checks: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
        ("mx", lambda: _mx(resolver.questions(), settings.reply_domain)),
        ("spf", lambda: _spf(resolver.questions(), sender)),
        ("dkim", lambda: _dkim(resolver.questions(), settings)),
        ("dmarc", lambda: _dmarc(resolver.questions(), sender)),
    )
    for name, find in checks:
        try:
            yield from find()
        except Unanswered as trouble:
            yield error(name, f"the DNS does not answer: {trouble}", SERVERS)


def hosts(questions: Questions, domain: str) -> list[str]:
    """Hosts that take the domain's mail, the preferred first."""
    records = sorted(questions.ask(domain, "MX"), key=lambda record: int(record.preference))
    return [record.exchange.to_text(omit_final_dot=True) for record in records]


def addresses(questions: Questions, host: str) -> list[str]:
    """IP addresses of a host."""
    return [record.address for kind in ("A", "AAAA") for record in questions.ask(host, kind)]


def _mx(questions: Questions, domain: str) -> Iterator[Finding]:
    names = hosts(questions, domain)
    if not names:
        advice = f"add an MX record for {domain} that names the host of the bridge"
        yield error("mx", f"{domain} has no MX record: replies cannot arrive", advice)
    for name in names:
        found = addresses(questions, name)
        if not found:
            yield error("mx", f"{name}, the MX of {domain}, has no address", f"add an A record for {name}")
            continue
        yield ok("mx", f"{domain} is served by {name} ({', '.join(found)})")
        yield from (_ptr(questions, name, address) for address in found)


def _ptr(questions: Questions, host: str, address: str) -> Finding:
    records = questions.ask(reversename.from_address(address).to_text(omit_final_dot=True), "PTR")
    names = [record.target.to_text(omit_final_dot=True).lower() for record in records]
    if any(address in addresses(questions, name) for name in names):
        return ok("ptr", f"{address} is {names[0]}, and back")
    known = f"is {names[0]}, which is not {address}" if names else "has no PTR record"
    return warning("ptr", f"{address} ({host}) {known}", "have your provider set it: mail sent from there is suspect")


def _spf(questions: Questions, domain: str) -> Iterator[Finding]:
    records = [text for text in questions.texts(domain) if text.lower().split(b" ")[0] == b"v=spf1"]
    if len(records) == 1:
        yield ok("spf", f"{domain}: {records[0].decode('latin-1')}")
    elif records:
        yield error("spf", f"{domain} has {len(records)} SPF records, so none counts (RFC 7208)", "leave one of them")
    else:
        advice = f'add a TXT record for {domain}, such as "v=spf1 include:YOUR-RELAY ~all"; your relay says which'
        yield warning("spf", f"{domain} has no SPF record", advice)


def _dkim(questions: Questions, settings: Settings) -> Iterator[Finding]:
    signers = MailSigner.of(settings).signers
    if not signers:
        yield ok("dkim", "mails are not signed here: the relay must do it")
    for signer in signers:
        name = f"{signer.selector}._domainkey.{signer.domain}"
        published = [_tags(text).get("p") for text in questions.texts(name)]
        if not published:
            yield error("dkim", f"{name} has no TXT record", f'add it: "{_record(signer)}"')
        elif _public(signer) not in [_decoded(key) for key in published]:
            yield error("dkim", f"{name} holds another key", f'replace it by: "{_record(signer)}"')
        else:
            yield ok("dkim", f"{name} holds the key that signs")


def _dmarc(questions: Questions, domain: str) -> Iterator[Finding]:
    names = dict.fromkeys([domain, domains.organisation(domain)])
    texts = [(name, text) for name in names for text in questions.texts(f"_dmarc.{name}")]
    record = next(((name, text) for name, text in texts if text.startswith(b"v=DMARC1")), None)
    if record is not None:
        yield ok("dmarc", f"_dmarc.{record[0]}: {record[1].decode('latin-1')}")
    else:
        advice = (
            f'add a TXT record for _dmarc.{domain}, to begin with "v=DMARC1; p=none"; large mailbox providers want it'
        )
        yield warning("dmarc", f"{domain} has no DMARC record", advice)


def _record(signer: Signer) -> str:
    kind = "rsa" if isinstance(signer.key, RSAPrivateKey) else "ed25519"
    return f"v=DKIM1; k={kind}; p={b64encode(_public(signer)).decode()}"


def _public(signer: Signer) -> bytes:
    """Public key as it is published (RFC 6376, RFC 8463)."""
    if isinstance(signer.key, RSAPrivateKey):
        return signer.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return signer.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def _tags(text: bytes) -> dict[str, str]:
    parts = (part.partition("=") for part in text.decode("latin-1").split(";"))
    return {name.strip(): value.replace(" ", "").strip() for name, _, value in parts}


def _decoded(key: Any) -> bytes:
    try:
        return b64decode(key or "")
    except ValueError:
        return b""
