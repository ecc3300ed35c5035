"""TLS: the bridge's certificate, and that of the public URL: names, chain, expiry."""

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from cli.doctor import dns_records
from cli.doctor.finding import Finding, error, ok, warning
from mailtalk import clock, tls
from mailtalk.inbound.dns import Resolver, Unanswered
from mailtalk.settings.load import PREFIX, Settings

SOON = timedelta(days=14)
PATIENCE = 5.0  # seconds
RENEW = "renew it; the bridge reads the files again on SIGHUP"


def check(settings: Settings) -> Iterator[Finding]:
    """Check the certificates of the bridge and of the public URL."""
    if settings.smtp_tls_cert is None:
        yield warning("tls", "the bridge offers no STARTTLS", f"set {PREFIX}SMTP_TLS_CERT and {PREFIX}SMTP_TLS_KEY")
    else:
        yield from _bridge(settings, settings.smtp_tls_cert)
    yield from _public_url(settings)


def _bridge(settings: Settings, path: Path) -> Iterator[Finding]:
    try:
        chain = x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as trouble:
        yield error("tls", f"{path} cannot be read: {trouble}", "it must be a certificate chain in PEM")
        return
    yield _expiry("tls", f"the bridge's certificate, {path},", chain[0].not_valid_after_utc)
    for host in _hosts(settings):
        yield _verified(chain, host)


def _hosts(settings: Settings) -> list[str]:
    try:
        return dns_records.hosts(Resolver(settings.dns_servers).questions(), settings.reply_domain)
    except Unanswered:
        return []


def _verified(chain: list[x509.Certificate], host: str) -> Finding:
    """Whether a client that trusts this machine's authorities would accept the chain for a host."""
    trusted = [x509.load_der_x509_certificate(der) for der in tls.verified().get_ca_certs(binary_form=True)]
    if not trusted:
        advice = "install this machine's ca-certificates"
        return warning("tls", f"whether the bridge's certificate is valid for {host} cannot be checked", advice)
    try:
        PolicyBuilder().store(Store(trusted)).build_server_verifier(x509.DNSName(host)).verify(chain[0], chain[1:])
    except VerificationError as trouble:
        advice = f"it must name {host}, and the file must hold the whole chain; most senders do not check it"
        return warning("tls", f"the bridge's certificate is not valid for {host}: {trouble}", advice)
    return ok("tls", f"the bridge's certificate is valid for {host}")


def _public_url(settings: Settings) -> Iterator[Finding]:
    url = urlsplit(settings.base_url)
    host = str(url.hostname)
    if url.scheme != "https":
        advice = f"set {PREFIX}PUBLIC_URL to an https:// URL: the links are logins"
        yield warning("public url", f"links in mails begin with {settings.base_url}", advice)
        return
    try:
        with (
            socket.create_connection((host, url.port or 443), timeout=PATIENCE) as connection,
            tls.verified().wrap_socket(connection, server_hostname=host) as secured,
        ):
            certificate = secured.getpeercert() or {}
    except OSError as trouble:  # ssl's errors too
        yield error("public url", f"{settings.base_url} cannot be reached: {trouble}", "links in mails lead there")
        return
    expiry = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)
    yield _expiry("public url", f"the certificate of {host}", expiry)


def _expiry(name: str, what: str, expiry: datetime) -> Finding:
    left = expiry - clock.now()
    text = f"{what} ends on {expiry:%Y-%m-%d}"
    if left < timedelta(0):
        return error(name, f"{what} ended on {expiry:%Y-%m-%d}", RENEW)
    return warning(name, text, RENEW) if left < SOON else ok(name, text)
