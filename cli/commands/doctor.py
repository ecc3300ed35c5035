"""`mailtalk doctor`: everything that Mailtalk depends on, checked, with advice."""

from collections.abc import Callable, Iterable, Iterator

import click

from cli import datadir, printing
from cli.doctor import certificates, dns_records, relay, round_trip, servers
from cli.doctor.finding import Finding, Level, error
from cli.options import json_option
from mailtalk.errors import MailtalkError
from mailtalk.settings.load import Settings, SettingsError

SIGNS = {Level.OK: "ok  ", Level.WARNING: "note", Level.ERROR: "FAIL"}
CHECKS: tuple[tuple[str, Callable[[Settings], Iterable[Finding]]], ...] = (
    ("servers", servers.check),
    ("dns", dns_records.check),
    ("tls", certificates.check),
    ("relay", relay.check),
)


@click.command()
@click.option("--without-mail", is_flag=True, help="Send no mail: leave out the round trip.")
@click.option("--patience", type=click.FloatRange(1, 3600), default=60, show_default=True, help="Seconds it may take.")
@json_option
@click.pass_context
def doctor(ctx: click.Context, patience: float, *, without_mail: bool, as_json: bool) -> None:
    """Check servers, DNS, TLS and relay, and send a mail out and back in.

    Run it with the settings of a worker and of the bridge. Exit code 0: nothing fails; 1: something does, and the
    advice says what to do.
    """
    settings = datadir.settings()
    mail = not without_mail and settings.relay_url is not None
    findings = []
    for finding in _findings(settings, patience if mail else None):
        findings.append(finding)
        if not as_json:
            _print(finding)
    if as_json:
        printing.print_json(findings)
    ctx.exit(1 if any(finding.level is Level.ERROR for finding in findings) else 0)


def _findings(settings: Settings, patience: float | None) -> Iterator[Finding]:
    for name, check in CHECKS:
        yield from _safely(name, lambda check=check: check(settings))  # type: ignore[misc]
    if patience is not None:
        yield from _safely("round trip", lambda: round_trip.check(settings, patience))


def _safely(name: str, check: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except (MailtalkError, SettingsError) as trouble:
        yield error(name, f"cannot be checked: {trouble}", "mend what fails above first")


def _print(finding: Finding) -> None:
    click.echo(f"{SIGNS[finding.level]}  {finding.check:<11} {printing.plain(finding.text)}")
    if finding.advice:
        click.echo(f"                  → {printing.plain(finding.advice)}")
