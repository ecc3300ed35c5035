"""Endpoints: the URLs that receive an app's events, and the secrets that sign the requests."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from mailtalk.errors import Invalid, NotFound
from mailtalk.keys import Keyring
from mailtalk.models import Webhook
from mailtalk.vocabulary import EndpointKind, EndpointStatus, EventType
from mailtalk.webhooks import signing
from mailtalk.webhooks.ssrf import ForbiddenUrl, SsrfGuard

OVERLAP = timedelta(days=1)  # in which the previous secret signs too
MOST = 20  # endpoints of one app


@dataclass(frozen=True, slots=True)
class EndpointSpec:
    """Requested state of an endpoint; `events` None: all of them; `secret` None: keep the present one, or make one."""

    url: str
    events: Sequence[str] | None = None
    secret: str | None = None
    ordered: bool = False  # a failing delivery holds back its conversation until it succeeds or is given up


def put(  # noqa: PLR0913, PLR0917  its key and its state
    session: Session,
    keyring: Keyring,
    guard: SsrfGuard,
    now: datetime,
    app_id: str,
    webhook_id: str,
    spec: EndpointSpec,
) -> tuple[Webhook, bool]:
    """Create or replace an endpoint, resume it, and return it with True if a secret was made.

    Invalid for a forbidden URL, unknown events and a weak secret.
    """
    _check(guard, spec)
    row = session.get(Webhook, (app_id, webhook_id), with_for_update=True)
    is_new = row is None
    if row is None:
        _require_room(session, app_id)
        row = _new(keyring, now, app_id, webhook_id, spec)
        session.add(row)
    elif spec.secret is not None:
        _renew(keyring, now, row, spec.secret)
    row.url, row.events = spec.url, None if spec.events is None else sorted(set(spec.events))
    row.ordered = spec.ordered
    session.flush()
    resume(session, now, row)
    return row, is_new and spec.secret is None


def rotate(session: Session, keyring: Keyring, now: datetime, app_id: str, webhook_id: str) -> Webhook:
    """Make a new secret; the previous one signs too for a day."""
    row = get(session, app_id, webhook_id)
    _renew(keyring, now, row, signing.new_secret())
    return row


def get(session: Session, app_id: str, webhook_id: str) -> Webhook:
    """The endpoint; NotFound if the app has none of this id."""
    row = session.get(Webhook, (app_id, webhook_id))
    if row is None or row.kind != EndpointKind.WEBHOOK:
        raise NotFound({"webhookId": [f"no webhook {webhook_id!r}"]})
    return row


def listed(session: Session, app_id: str | None = None) -> Sequence[Webhook]:
    """The endpoints of one app or of all apps, by id."""
    query = select(Webhook).where(Webhook.kind == EndpointKind.WEBHOOK)
    if app_id is not None:
        query = query.where(Webhook.app_id == app_id)
    return session.scalars(query.order_by(Webhook.app_id, Webhook.id)).all()


def delete(session: Session, now: datetime, app_id: str, webhook_id: str) -> None:
    """Delete the endpoint and cancel its queued deliveries."""
    row = get(session, app_id, webhook_id)
    cancel(session, now, app_id, webhook_id, "the endpoint was deleted")
    session.delete(row)


def cancel(session: Session, now: datetime, app_id: str, webhook_id: str, reason: str) -> None:
    """Cancel an endpoint's queued deliveries."""
    values = {"app": app_id, "webhook": webhook_id, "now": now, "reason": reason}
    session.execute(text("DELETE FROM webhook_lanes WHERE app_id = :app AND webhook_id = :webhook"), values)
    session.execute(
        text("""
        UPDATE webhook_deliveries SET stage = 'cancelled', reply = :reason, ended_at = :now
        WHERE app_id = :app AND webhook_id = :webhook AND stage = 'queued'"""),
        values,
    )


def resume(session: Session, now: datetime, row: Webhook) -> None:
    """Activate an endpoint: queued deliveries are due now, with all their attempts again."""
    row.status, row.reason, row.failing_since, row.rests_until = EndpointStatus.ACTIVE, None, None, None
    values = {"app": row.app_id, "webhook": row.id, "now": now}
    session.execute(
        text("""
        UPDATE webhook_lanes SET not_before = :now
        WHERE app_id = :app AND webhook_id = :webhook AND claim IS NULL AND not_before > :now"""),
        values,
    )
    session.execute(
        text("""
        UPDATE webhook_deliveries SET attempts = 0
        WHERE app_id = :app AND webhook_id = :webhook AND stage = 'queued' AND attempts > 0"""),
        values,
    )


def secret_of(row: Webhook, keyring: Keyring) -> str:
    """The current secret in clear."""
    return keyring.unseal(row.secret_sealed, about=seal_name(row.app_id, row.id)).decode()


def secrets_of(row: Webhook, keyring: Keyring, now: datetime) -> list[str]:
    """The secrets that sign now, the current one first."""
    secrets = [secret_of(row, keyring)]
    if row.old_secret_sealed is not None and now < row.secret_since + OVERLAP:
        secrets.append(keyring.unseal(row.old_secret_sealed, about=seal_name(row.app_id, row.id)).decode())
    return secrets


def seal_name(app_id: str, webhook_id: str) -> str:
    """Associated data of the sealed secret, which binds it to its row."""
    return f"webhook/{app_id}/{webhook_id}"


def _check(guard: SsrfGuard, spec: EndpointSpec) -> None:
    problems: dict[str, list[str]] = {}
    try:
        guard.check(spec.url)
    except ForbiddenUrl as error:
        problems["url"] = [str(error)]
    unknown = sorted(set(spec.events or ()) - set(EventType))
    if unknown or spec.events == []:
        problems["events"] = [f"unknown event {unknown[0]!r}" if unknown else "must not be empty; null means all"]
    problem = None if spec.secret is None else signing.problem(spec.secret)
    if problem:
        problems["secret"] = [problem]
    if problems:
        raise Invalid(problems)


def _require_room(session: Session, app_id: str) -> None:
    if len(listed(session, app_id)) >= MOST:
        raise Invalid({"webhookId": [f"an app has at most {MOST} webhooks"]})


def _new(keyring: Keyring, now: datetime, app_id: str, webhook_id: str, spec: EndpointSpec) -> Webhook:
    secret = spec.secret or signing.new_secret()
    return Webhook(
        app_id=app_id,
        id=webhook_id,
        url=spec.url,
        secret_sealed=keyring.seal(secret.encode(), about=seal_name(app_id, webhook_id)),
        secret_since=now,
        created_at=now,
    )


def _renew(keyring: Keyring, now: datetime, row: Webhook, secret: str) -> None:
    if hmac.compare_digest(secret.encode(), secret_of(row, keyring).encode()):
        return
    row.old_secret_sealed, row.secret_since = row.secret_sealed, now
    row.secret_sealed = keyring.seal(secret.encode(), about=seal_name(row.app_id, row.id))
