"""`mailtalk explain`: why someone was mailed, was not, or is not yet; by conversation and user, or by address."""

from collections.abc import Iterator, Sequence
from typing import Any

import click
import msgspec
from sqlalchemy.orm import Session

from api.schemas.notifications import Notification
from cli import connect, printing, reports
from cli.options import any_app_option, json_option, limit_option, only_app
from mailtalk import clock
from mailtalk.conversations import apps
from mailtalk.ids import CHANGE, ParticipantKey
from mailtalk.outbound import suppressions
from mailtalk.support import deliveries, directory, explanations
from mailtalk.support import explain as support_explain
from mailtalk.support.deliveries import DeliveryFilter, DeliveryReport
from mailtalk.support.directory import UserReport
from mailtalk.support.explain import NotificationReport, ParticipantStatus
from mailtalk.vocabulary import Frequency, Reason

USAGE = "give CONVERSATION and USER, or --address"


class AddressReport(msgspec.Struct, rename="camel"):
    """An address: the participations of its users, with all that bars each, and the newest mails to it."""

    address: str
    users: list[reports.UserReport]
    suppressed: list[reports.SuppressionReport]
    participations: list["ParticipationReport"]
    deliveries: list[reports.DeliveryReport]


class ParticipationReport(msgspec.Struct, rename="camel"):
    """What would become of the next message of a conversation for one user."""

    app_id: str
    conversation_id: str
    user_id: str
    next: str
    bars: Sequence[Reason]
    frequency: Frequency


@click.command()
@any_app_option
@click.argument("conversation_id", metavar="[CONVERSATION", required=False)
@click.argument("user_id", metavar="USER]", required=False)
@click.option("--address", metavar="ADDRESS", help="Explain this address in all conversations of its users.")
@limit_option
@json_option
def explain(  # noqa: PLR0913  one for each option
    app_id: str | None,
    conversation_id: str | None,
    user_id: str | None,
    address: str | None,
    limit: int,
    *,
    as_json: bool,
) -> None:
    """Explain why someone was mailed, was not, or is not yet.

    First what holds for the next message, with every reason against it; then the outcome of the last 30 days'
    notifications, newest first. For an address: what holds in each conversation, then the newest mails to it.
    """
    if address is not None and conversation_id is None:
        _explain_address(address, app_id, limit, as_json=as_json)
    elif address is None and conversation_id is not None and user_id is not None:
        _explain_user(ParticipantKey.of(only_app(app_id), conversation_id, user_id), limit, as_json=as_json)
    else:
        raise click.UsageError(USAGE)


def _explain_user(key: ParticipantKey, limit: int, *, as_json: bool) -> None:
    with connect.transaction() as session:
        apps.found(session, key.app_id)
        status = support_explain.status(session, clock.now(), key)
        history = support_explain.page(session, key, limit=limit)
    if as_json:
        printing.print_json(_json(status, history))
    else:
        click.echo("\n".join(_lines(status, history)))


def _json(status: ParticipantStatus, history: list[NotificationReport]) -> dict[str, Any]:
    row, conversation = status.participation, status.conversation
    return {
        "conversationId": conversation.id,
        "userId": row.user_id,
        "next": explanations.next_message(status),
        "barredBy": next(iter(status.bars), None),
        "bars": status.bars,
        "suppressed": [{"address": row.address, "reason": row.reason, "until": row.until} for row in status.suppressed],
        "frequency": status.frequency,
        "chosen": list(row.chosen),
        "lastChange": _last_change(status),
        "windowClosesAt": conversation.window_due_at,
        "notifications": [
            msgspec.to_builtins(Notification.of(entry)) | {"explanation": list(explanations.outcome(entry, status))}
            for entry in history
        ],
    }


def _last_change(status: ParticipantStatus) -> dict[str, Any] | None:
    change = status.last_change
    if change is None:
        return None
    return {
        "id": CHANGE.show(change.id),
        "kind": change.kind,
        "by": change.requested_by,
        "appliedAt": change.applied_at,
    }


def _lines(status: ParticipantStatus, history: list[NotificationReport]) -> Iterator[str]:
    row = status.participation
    name, user_id, conversation_id = map(printing.plain, (status.user.name, row.user_id, row.conversation_id))
    yield f"{name} ({user_id}) in {conversation_id}"
    yield f"The next message {explanations.next_message(status)}."
    yield from map(explanations.suppression, status.suppressed)
    due = status.conversation.window_due_at
    if due is not None:
        yield f"New messages are collected until {printing.moment(due)}, longer while more are written."
    change = status.last_change
    if change is not None and change.applied_at is not None:
        last = f"{CHANGE.show(change.id)}, {change.kind}, by the {change.requested_by}"
        yield f"Their last change is {last}, at {printing.moment(change.applied_at)}."
    if row.chosen:
        yield f"They chose {' and '.join(row.chosen)} themselves: a PUT that does not name it leaves it."
    if not history:
        yield "No notifications in the last 30 days."
    for entry in history:
        yield ""
        yield from explanations.outcome(entry, status)


def _explain_address(address: str, app_id: str | None, limit: int, *, as_json: bool) -> None:
    with connect.transaction() as session:
        users = directory.users_of_address(session, address, app_id)
        statuses = [status for user in users for status in _statuses(session, user, limit)]
        mails = deliveries.page(session, DeliveryFilter(app_id, address=address), limit=limit)
        now, app_ids = clock.now(), {user.app_id for user in users} | {mail.app_id for mail in mails}
        suppressed = [row for each in sorted(app_ids) for row in suppressions.of(session, now, each, [address])]
    if as_json:
        printing.print_json(
            AddressReport(
                address,
                [reports.UserReport.of(user) for user in users],
                [reports.SuppressionReport.of(row) for row in suppressed],
                [_participation(status) for status in statuses],
                [reports.DeliveryReport.of(mail) for mail in mails],
            )
        )
        return
    known = ", ".join(f"{printing.plain(user.name)} ({user.app_id}/{printing.plain(user.id)})" for user in users)
    head = f"{printing.plain(address)}: {known or 'no user has this address'}"
    held = [*map(explanations.suppression, suppressed), *map(_in_conversation, statuses)]
    click.echo("\n".join([head, *held, "", *(map(_mail, mails) if mails else ["No mails to it."])]))


def _statuses(session: Session, user: UserReport, limit: int) -> Iterator[ParticipantStatus]:
    for key in support_explain.participations(session, user.app_id, user.id, limit):
        yield support_explain.status(session, clock.now(), key)


def _participation(status: ParticipantStatus) -> ParticipationReport:
    row, text = status.participation, explanations.next_message(status)
    return ParticipationReport(row.app_id, row.conversation_id, row.user_id, text, status.bars, status.frequency)


def _in_conversation(status: ParticipantStatus) -> str:
    return f"{printing.plain(status.conversation.id)}: the next message {explanations.next_message(status)}."


def _mail(row: DeliveryReport) -> str:
    where = f"{printing.moment(row.created_at)}  {printing.plain(row.conversation_id)}"
    return f"{where}: the mail {row.id} {explanations.delivery(row)}"
