"""Endpoints: the URLs of an app that are told of its events, and the secrets that sign what they are told."""

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
from mailtalk.webhooks.ssrf import Forbidden, Guard

OVERLAP = timedelta(days=1)  # in which the secret before the newest one signs too
MOST = 20  # of an app


@dataclass(frozen=True, slots=True)
class Wish:
    """An endpoint as somebody wants it; no secret: it keeps the one it has, or one is made."""

    url: str
    events: Sequence[str] | None = None
    secret: str | None = None


def put(  # noqa: PLR0913, PLR0917  which one, and how it is to be
    session: Session, keyring: Keyring, guard: Guard, now: datetime, app_id: str, webhook_id: str, wish: Wish
) -> tuple[Webhook, bool]:
    """Make the endpoint or change it; one that was paused or disabled is told again. Whether a secret was made.

    Invalid for a URL that may not be, and for events that are not known.
    """
    _check(guard, wish)
    row = session.get(Webhook, (app_id, webhook_id), with_for_update=True)
    made = row is None
    if row is None:
        _require_room(session, app_id)
        row = _new(keyring, now, app_id, webhook_id, wish)
        session.add(row)
    elif wish.secret is not None:
        _renew(keyring, now, row, wish.secret)
    row.url, row.events = wish.url, None if wish.events is None else sorted(set(wish.events))
    session.flush()
    resume(session, now, row)
    return row, made and wish.secret is None


def rotate(session: Session, keyring: Keyring, now: datetime, app_id: str, webhook_id: str) -> Webhook:
    """Make a new secret; for a day the one before signs too."""
    row = get(session, app_id, webhook_id)
    _renew(keyring, now, row, signing.new_secret())
    return row


def get(session: Session, app_id: str, webhook_id: str) -> Webhook:
    """The endpoint; NotFound when the app has none of this id."""
    row = session.get(Webhook, (app_id, webhook_id))
    if row is None or row.kind != EndpointKind.WEBHOOK:
        raise NotFound({"webhookId": [f"no webhook {webhook_id!r}"]})
    return row


def listed(session: Session, app_id: str | None = None) -> Sequence[Webhook]:
    """The endpoints of an app, or of all, by id."""
    query = select(Webhook).where(Webhook.kind == EndpointKind.WEBHOOK)
    if app_id is not None:
        query = query.where(Webhook.app_id == app_id)
    return session.scalars(query.order_by(Webhook.app_id, Webhook.id)).all()


def delete(session: Session, now: datetime, app_id: str, webhook_id: str) -> None:
    """Delete the endpoint; what it was not yet told is cancelled."""
    row = get(session, app_id, webhook_id)
    cancel(session, now, app_id, webhook_id, "the endpoint was deleted")
    session.delete(row)


def cancel(session: Session, now: datetime, app_id: str, webhook_id: str, why: str) -> None:
    """Tell an endpoint nothing of what waits for it."""
    values = {"app": app_id, "webhook": webhook_id, "now": now, "why": why}
    session.execute(text("DELETE FROM webhook_lanes WHERE app_id = :app AND webhook_id = :webhook"), values)
    session.execute(
        text("""
        UPDATE webhook_deliveries SET stage = 'cancelled', reply = :why, ended_at = :now
        WHERE app_id = :app AND webhook_id = :webhook AND stage = 'queued'"""),
        values,
    )


def resume(session: Session, now: datetime, row: Webhook) -> None:
    """Tell an endpoint again, at once, all that waits for it, with all tries anew."""
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
    """The newest secret, in clear."""
    return keyring.unseal(row.secret_sealed, about=seal_name(row.app_id, row.id)).decode()


def secrets_of(row: Webhook, keyring: Keyring, now: datetime) -> list[str]:
    """The secrets that sign now, the newest first."""
    found = [secret_of(row, keyring)]
    if row.old_secret_sealed is not None and now < row.secret_since + OVERLAP:
        found.append(keyring.unseal(row.old_secret_sealed, about=seal_name(row.app_id, row.id)).decode())
    return found


def seal_name(app_id: str, webhook_id: str) -> str:
    """What binds the sealed bytes to their row."""
    return f"webhook/{app_id}/{webhook_id}"


def _check(guard: Guard, wish: Wish) -> None:
    wrong: dict[str, list[str]] = {}
    try:
        guard.check(wish.url)
    except Forbidden as error:
        wrong["url"] = [str(error)]
    unknown = sorted(set(wish.events or ()) - set(EventType))
    if unknown or wish.events == []:
        wrong["events"] = [f"{unknown[0]!r} is no event" if unknown else "must not be empty; null means all"]
    problem = None if wish.secret is None else signing.wrong(wish.secret)
    if problem:
        wrong["secret"] = [problem]
    if wrong:
        raise Invalid(wrong)


def _require_room(session: Session, app_id: str) -> None:
    if len(listed(session, app_id)) >= MOST:
        raise Invalid({"webhookId": [f"an app has at most {MOST} webhooks"]})


def _new(keyring: Keyring, now: datetime, app_id: str, webhook_id: str, wish: Wish) -> Webhook:
    secret = wish.secret or signing.new_secret()
    return Webhook(
        app_id=app_id,
        id=webhook_id,
        url=wish.url,
        secret_sealed=keyring.seal(secret.encode(), about=seal_name(app_id, webhook_id)),
        secret_since=now,
        created_at=now,
    )


def _renew(keyring: Keyring, now: datetime, row: Webhook, secret: str) -> None:
    if secret == secret_of(row, keyring):
        return
    row.old_secret_sealed, row.secret_since = row.secret_sealed, now
    row.secret_sealed = keyring.seal(secret.encode(), about=seal_name(row.app_id, row.id))
