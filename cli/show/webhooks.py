"""`mailtalk webhooks`: the endpoints of an app, what each was told, and telling it again."""

import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from cli import connect, datadir, printing
from mailtalk import clock
from mailtalk.conversations import apps
from mailtalk.errors import Invalid
from mailtalk.ids import DELIVERY, EVENT
from mailtalk.keys import Keyring
from mailtalk.models import Webhook
from mailtalk.settings.load import Settings
from mailtalk.webhooks import endpoints, log
from mailtalk.webhooks.endpoints import Wish
from mailtalk.webhooks.log import Span
from mailtalk.webhooks.ssrf import Guard

COLUMNS = {
    "app": "appId",
    "id": "id",
    "url": "url",
    "events": "events",
    "status": "status",
    "failing since": "failingSince",
    "reason": "reason",
}
LOG = {
    "delivery": "id",
    "event": "eventId",
    "type": "type",
    "conversation": "conversationId",
    "seq": "sequence",
    "stage": "stage",
    "tries": "attempts",
    "status": "status",
    "tried": "triedAt",
    "next try": "nextTryAt",
    "reply": "reply",
}
PATIENCE = 12.0  # seconds that a test waits for its outcome
_AGO = re.compile(r"(\d{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def listed(settings: Settings, app_id: str | None, *, as_json: bool) -> None:
    """Print the endpoints of an app, or of all, never their secrets."""
    with connect.transaction(settings) as session:
        found = [_shown(row) for row in endpoints.listed(session, app_id)]
    if as_json:
        printing.as_json(found)
    elif found:
        printing.records(COLUMNS, [row | {"events": ", ".join(row["events"] or ["all"])} for row in found])
    else:
        click.echo("There is no webhook yet: mailtalk webhooks put main https://… --app ID")


def put(settings: Settings, app_id: str, webhook_id: str, wish: Wish) -> None:
    """Make an endpoint or change it, and print the secret that was made, only now."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", webhook_id):
        raise Invalid({"id": ["must be 1 to 64 letters, digits, _ and -"]})
    keyring, guard = _keyring(settings), Guard(settings.webhook_allow_private)
    with connect.transaction(settings) as session:
        apps.found(session, app_id)
        row, made = endpoints.put(session, keyring, guard, clock.now(), app_id, webhook_id, wish)
        secret = endpoints.secret_of(row, keyring) if made else None
    click.echo(f"webhook {webhook_id} of {app_id}: {wish.url}")
    _tell_secret(secret)


def rotate(settings: Settings, app_id: str, webhook_id: str) -> None:
    """Make a new secret and print it, only now."""
    keyring = _keyring(settings)
    with connect.transaction(settings) as session:
        secret = endpoints.secret_of(endpoints.rotate(session, keyring, clock.now(), app_id, webhook_id), keyring)
    _tell_secret(secret)
    click.echo("For a day the one before signs too, in webhook-signature.")


def delete(settings: Settings, app_id: str, webhook_id: str) -> None:
    """Delete an endpoint."""
    with connect.transaction(settings) as session:
        endpoints.delete(session, clock.now(), app_id, webhook_id)
    click.echo(f"webhook {webhook_id} of {app_id} is deleted")


def resume(settings: Settings, app_id: str, webhook_id: str) -> None:
    """Tell an endpoint again, at once, what waits for it."""
    with connect.transaction(settings) as session:
        endpoints.resume(session, clock.now(), endpoints.get(session, app_id, webhook_id))
    click.echo(f"webhook {webhook_id} of {app_id} is told again")


def show_log(  # noqa: PLR0913  what the command's options say
    settings: Settings, app_id: str, webhook_id: str, stage: str | None, limit: int, *, as_json: bool
) -> None:
    """Print what an endpoint was told, newest first."""
    with connect.transaction(settings) as session:
        row = endpoints.get(session, app_id, webhook_id)
        found = [_delivery(each) for each in log.page(session, row, limit, stage=stage)]
    if as_json:
        printing.as_json(found)
    elif found:
        printing.records(LOG, found)
    else:
        click.echo("It was told nothing yet.")


def replay(settings: Settings, app_id: str, webhook_id: str, span: Span) -> None:
    """Tell an endpoint again what happened."""
    with connect.transaction(settings) as session:
        count = log.replay(session, clock.now(), endpoints.get(session, app_id, webhook_id), span)
    click.echo(f"{count:,} {'event is' if count == 1 else 'events are'} told again")


def test(settings: Settings, app_id: str, webhook_id: str) -> bool:
    """Tell an endpoint of a test, and print how it went; whether it went well."""
    with connect.transaction(settings) as session:
        row = endpoints.get(session, app_id, webhook_id)
        event_id = log.test(session, clock.now(), row)
    return awaited(settings, row, event_id)


def awaited(settings: Settings, row: Webhook, event_id: int) -> bool:
    """Wait until a worker has told of the event, and print how it went."""
    until = time.monotonic() + PATIENCE
    with connect.database(settings) as database:
        while time.monotonic() < until:
            with database.transaction() as session:
                found = log.outcome(session, row, event_id)
            if found is not None:
                said = filter(None, [f"{found.stage}:", str(found.status or ""), printing.plain(found.reply or "")])
                click.echo(" ".join(said))
                return bool(found.stage == "sent")
            time.sleep(0.1)
    click.echo(f"no worker has told it within {PATIENCE:g} s (its status is {row.status})")
    return False


def moment(text: str) -> datetime:
    """Read a moment: ISO 8601, or so long ago, as 90s, 15m, 2h or 3d."""
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return clock.now() - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(
            f"{text!r} is no time; write 2026-01-31T12:00:00Z, or so long ago: 15m, 2h, 3d"
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def event_ids(names: Sequence[str]) -> list[int]:
    """Read the ids of events."""
    numbers = [number for name in names if (number := EVENT.read(name)) is not None]
    if len(numbers) < len(names):
        raise click.UsageError(f"an event's id is {EVENT.prefix} and a number")
    return numbers


def _tell_secret(secret: str | None) -> None:
    if secret is not None:
        click.echo(f"secret  {secret}\n\nThe secret is shown only now: keep it.")


def _keyring(settings: Settings) -> Keyring:
    return Keyring.from_setting(datadir.key_of(settings))


def _shown(row: Webhook) -> dict[str, Any]:
    return {
        "appId": row.app_id,
        "id": row.id,
        "url": row.url,
        "events": row.events,
        "status": row.status,
        "failingSince": row.failing_since,
        "reason": row.reason,
        "createdAt": row.created_at,
    }


def _delivery(row: Any) -> dict[str, Any]:
    return {
        "id": DELIVERY.show(row.id),
        "eventId": EVENT.show(row.event_id),
        "type": row.type,
        "conversationId": row.conversation_id,
        "sequence": row.seq,
        "stage": row.stage,
        "attempts": row.attempts,
        "status": row.status,
        "reply": row.reply,
        "triedAt": row.tried_at,
        "nextTryAt": row.not_before,
    }
