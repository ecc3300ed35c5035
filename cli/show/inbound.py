"""What `mailtalk inbound` does: look into the log of mails, and have one processed again."""

from collections.abc import Callable, Mapping
from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from cli import connect, printing
from cli.datadir import key_of
from mailtalk import clock
from mailtalk.conversations import apps
from mailtalk.errors import NotFound
from mailtalk.inbound import log as inbound_log
from mailtalk.inbound import quarantine
from mailtalk.inbound.receive import RAW_SEAL
from mailtalk.keys import Keyring
from mailtalk.models import InboundMail, RawMail
from mailtalk.settings.load import Settings

Json = dict[str, Any]
COLUMNS = {
    "id": "id",
    "received": "receivedAt",
    "app": "appId",
    "conversation": "conversationId",
    "user": "userId",
    "outcome": "outcome",
    "verdict": "verdict",
    "reason": "reason",
}
NONE = "No such mail."


def listed(settings: Settings, wanted: Mapping[str, str | None], limit: int, *, as_json: bool) -> None:
    """Print the newest mails of which the named columns have these values."""
    query = select(InboundMail).filter_by(**{column: value for column, value in wanted.items() if value is not None})
    with connect.transaction(settings) as session:
        if wanted["app_id"] is not None:
            apps.found(session, wanted["app_id"])
        rows = [_shown(row) for row in session.scalars(query.order_by(InboundMail.id.desc()).limit(limit))]
    if as_json:
        printing.as_json(rows)
    elif rows:
        printing.records(COLUMNS, rows)
    else:
        click.echo(NONE)


def show(settings: Settings, mail_id: int, *, as_json: bool) -> None:
    """Print one mail."""
    with connect.transaction(settings) as session:
        row = _found(session, mail_id)
        shown = _shown(row) | {"elided": inbound_log.elided(session, row), "evidence": row.evidence}
    if as_json:
        printing.as_json(shown)
        return
    for name, value in shown.items():
        click.echo(f"{name:<16}{printing.cell(value)}")


def raw(settings: Settings, mail_id: int) -> None:
    """Write a mail as it came."""
    keyring = Keyring.from_setting(key_of(settings))
    with connect.transaction(settings) as session:
        kept = session.get(RawMail, _found(session, mail_id).raw_id or 0)
        if kept is None:
            raise NotFound(["its raw bytes were purged; see MAILTALK_RAW_MAIL_DAYS"])
        click.echo(keyring.unseal(kept.sealed, about=RAW_SEAL), nl=False)


def replay(settings: Settings, mail_id: int) -> None:
    """Have a mail processed again."""
    _change(settings, mail_id, quarantine.replay)


def release(settings: Settings, mail_id: int) -> None:
    """Let a mail out of quarantine."""
    _change(settings, mail_id, lambda row: quarantine.release(row, clock.now()))


def _change(settings: Settings, mail_id: int, verb: Callable[[InboundMail], None]) -> None:
    with connect.transaction(settings) as session:
        row = _found(session, mail_id, lock=True)
        verb(row)
        state = row.outcome
    click.echo(f"mail {mail_id} is {state}" + (": a worker looks at it" if state == "received" else ""))


def _found(session: Session, mail_id: int, *, lock: bool = False) -> InboundMail:
    row = session.get(InboundMail, mail_id, with_for_update=lock or None)
    if row is None:
        raise NotFound([f"no mail {mail_id}; see: mailtalk inbound list"])
    return row


def _shown(row: InboundMail) -> Json:
    return {
        "id": row.id,
        "receivedAt": row.received_at,
        "processedAt": row.processed_at,
        "releasedAt": row.released_at,
        "appId": row.app_id,
        "conversationId": row.conversation_id,
        "userId": row.user_id,
        "purpose": row.purpose,
        "outcome": row.outcome,
        "verdict": row.verdict,
        "reason": row.reason,
        "flag": row.flag,
        "messageId": row.posted_as,
        "size": row.size,
        "isKept": row.raw_id is not None,
        "attempts": row.attempts,
    }
