"""Suppressions: addresses to which nothing is sent for now, and what is known against others, which fades."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, select, text
from sqlalchemy.orm import Session

from mailtalk.models import Suppression
from mailtalk.vocabulary import Suspicion

HALF_LIFE = timedelta(days=7)  # of a soft failure's weight
LIMIT = 3.0  # soft failures, weighed, at which an address is suppressed
FOREVER = timedelta(days=36_525)  # until somebody releases it


def active(session: Session, now: datetime, app_id: str, addresses: Iterable[str]) -> dict[str, str]:
    """Which of these addresses are suppressed, as they were given, and why."""
    wanted = {each.lower(): each for each in addresses}
    query = select(Suppression.address, Suppression.reason).where(
        Suppression.app_id == app_id, Suppression.address.in_(wanted), Suppression.until > now
    )
    return {wanted[row.address]: row.reason for row in session.execute(query)}


def suppress(  # noqa: PLR0913, PLR0917  a suppression is all of these
    session: Session, now: datetime, app_id: str, address: str, reason: Suspicion, status: str | None, days: timedelta
) -> None:
    """Send nothing to the address for so long; what holds longer already stays."""
    session.execute(
        text("""
        INSERT INTO suppressions (app_id, address, reason, status, score, scored_at, until)
        VALUES (:app, lower(:address), :reason, :status, 0, :now, :until)
        ON CONFLICT (app_id, address) DO UPDATE SET reason = excluded.reason, status = excluded.status,
            until = excluded.until
            WHERE suppressions.until IS NULL OR suppressions.until < excluded.until"""),
        {
            "app": app_id,
            "address": address,
            "reason": reason,
            "status": status,
            "now": now,
            "until": now + (FOREVER if reason is Suspicion.COMPLAINED else days),
        },
    )


def note(  # noqa: PLR0913, PLR0917  what is known, and for how long it counts
    session: Session, now: datetime, app_id: str, address: str, status: str | None, days: timedelta, *, dead: bool
) -> None:
    """Remember that a mail was refused: because there is no such mailbox, or for a reason that may pass."""
    if dead:
        suppress(session, now, app_id, address, Suspicion.DEAD, status, days)
    else:
        _score(session, now, app_id, address, status, days)


def release(session: Session, app_id: str, addresses: Collection[str]) -> bool:
    """Forget all that is known against these addresses; False when nothing was."""
    if not addresses:
        return False
    gone = delete(Suppression).where(Suppression.app_id == app_id, _is_one_of(addresses))
    return bool(session.scalars(gone.returning(Suppression.address)).all())


def release_own(session: Session, app_id: str, user_id: str, address: str) -> None:
    """Forget it because its owner writes from there: only if it is an address of this user."""
    session.execute(
        text("""
        DELETE FROM suppressions s USING users u
        WHERE s.app_id = :app AND s.address = lower(:address) AND u.app_id = :app AND u.id = :user
            AND EXISTS (SELECT 1 FROM unnest(u.emails) AS own WHERE lower(own) = s.address)"""),
        {"app": app_id, "user": user_id, "address": address},
    )


def of(session: Session, now: datetime, app_id: str, addresses: Iterable[str]) -> Sequence[Suppression]:
    """The suppressions of these addresses, in their order."""
    query = select(Suppression).where(Suppression.app_id == app_id, _is_one_of(addresses))
    return session.scalars(query.where(Suppression.until > now).order_by(Suppression.address)).all()


def listed(session: Session, now: datetime, app_id: str, limit: int, after: str = "") -> Sequence[Suppression]:
    """The suppressed addresses of an app, in their order."""
    query = select(Suppression).where(
        Suppression.app_id == app_id, Suppression.until > now, Suppression.address > after
    )
    return session.scalars(query.order_by(Suppression.address).limit(limit)).all()


def _is_one_of(addresses: Iterable[str]) -> ColumnElement[bool]:
    return Suppression.address.in_({each.lower() for each in addresses})


def _score(  # noqa: PLR0913, PLR0917  the same
    session: Session, now: datetime, app_id: str, address: str, status: str | None, days: timedelta
) -> None:
    """Count a failure that may pass; too many of them within a short time suppress the address."""
    weight = session.scalar(
        text("""
        INSERT INTO suppressions AS s (app_id, address, reason, status, score, scored_at)
        VALUES (:app, lower(:address), :reason, :status, 1, :now)
        ON CONFLICT (app_id, address) DO UPDATE SET scored_at = excluded.scored_at, score = 1 + s.score
            * power(0.5, greatest(extract(epoch FROM excluded.scored_at - s.scored_at), 0) / :half_life)
        RETURNING score"""),
        {
            "app": app_id,
            "address": address,
            "reason": Suspicion.FAILING,
            "status": status,
            "now": now,
            "half_life": HALF_LIFE.total_seconds(),
        },
    )
    if weight is not None and weight >= LIMIT:
        suppress(session, now, app_id, address, Suspicion.FAILING, status, days)
