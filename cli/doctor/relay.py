"""Relays: greeting, TLS and authentication, as the workers do them; and the bridge's port as others reach it."""

import asyncio
import smtplib
from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

from cli.doctor import dns_records
from cli.doctor.finding import Finding, error, ok, warning
from mailtalk.inbound.dns import Resolver, Unanswered
from mailtalk.outbound.smtp_connection import SmtpConnection, Timeouts
from mailtalk.settings.load import PREFIX, Settings

PATIENCE = 10.0  # seconds
GREETING = 220  # RFC 5321 4.2


def check(settings: Settings) -> Iterator[Finding]:
    """Check that each relay takes a session, and that each MX host greets."""
    if settings.relay_url is None:
        yield warning("relay", "no relay is set: mails are captured, and not sent", f"set {PREFIX}RELAY_URL")
    else:
        for url in settings.relay_url.get_secret_value().split(","):
            yield _relay(urlsplit(url.strip()))
    yield from _port(settings)


def _relay(url: SplitResult) -> Finding:
    name = url.netloc.rpartition("@")[2]
    try:
        asyncio.run(_session(url))
    except (OSError, ValueError) as trouble:
        advice = "check host, port, user and password, and that this machine may connect there"
        return error("relay", f"{name}: {type(trouble).__name__}: {trouble}", advice)
    return ok("relay", f"{name} greets{', and accepts our user' if url.username else ''}")


async def _session(url: SplitResult) -> None:
    connection = await SmtpConnection.open(url, Timeouts(PATIENCE, PATIENCE, PATIENCE, PATIENCE))
    await connection.quit()


def _port(settings: Settings) -> Iterator[Finding]:
    try:
        hosts = dns_records.hosts(Resolver(settings.dns_servers).questions(), settings.reply_domain)
    except Unanswered:
        return
    for host in hosts:
        yield _greets(host)


def _greets(host: str) -> Finding:
    advice = "does the bridge run there, and does the firewall let port 25 in? Some networks also let none out"
    try:
        with smtplib.SMTP(local_hostname="localhost", timeout=PATIENCE) as client:
            code, text = client.connect(host, 25)
    except OSError as trouble:  # smtplib's errors too
        return warning("port 25", f"{host} does not greet at port 25, seen from here: {trouble}", advice)
    if code != GREETING:
        return error("port 25", f"{host} answers {code} {text.decode(errors='replace')}", advice)
    return ok("port 25", f"{host} greets at port 25, seen from here")
