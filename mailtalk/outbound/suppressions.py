"""Suppression list: addresses that get no mail for now, and soft failures of others, which decay."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, delete, select, text
from sqlalchemy.orm import Session

from mailtalk.models import Suppression
from mailtalk.vocabulary import Suspicion

HALF_LIFE = timedelta(days=7)  # of the weight of a soft failure
LIMIT = 3.0  # weighted soft failures at which an address is suppressed
COMPLAINT = timedelta(days=180)  # a reader may change their mind, or may not have meant it
Row = tuple[str, str, str | None]  # app, address, enhanced status code


class Refusal(NamedTuple):
    """Refused mail: its address is dead, or the reason is temporary."""

    app_id: str
    address: str
    status: str | None
    dead: bool


def active(session: Session, now: datetime, addresses: Collection[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Suppressed ones of the given (app, address) pairs, with the reason; spelling as given."""
    given = list(addresses)
    rows = session.execute(
        text("""
        SELECT g.app_id, g.address, s.reason
        FROM unnest(CAST(:apps AS text[]), CAST(:addresses AS text[])) AS g (app_id, address)
        JOIN suppressions s ON s.app_id = g.app_id AND s.address = lower(g.address) WHERE s.until > :now"""),
        {"apps": [app for app, _ in given], "addresses": [address for _, address in given], "now": now},
    )
    return {(row[0], row[1]): row[2] for row in rows}


def suppress(  # noqa: PLR0913, PLR0917  a suppression is all of these
    session: Session, now: datetime, app_id: str, address: str, reason: Suspicion, status: str | None, days: timedelta
) -> None:
    """Suppress the address for this time; a longer existing suppression is kept."""
    _suppress(session, now, [(app_id, address, status)], reason, days)


def complained(session: Session, now: datetime, addresses: Iterable[tuple[str, str]]) -> None:
    """Suppress the addresses (app, address) of readers who reported spam, for 180 days."""
    _suppress(session, now, [(app_id, address, None) for app_id, address in addresses], Suspicion.COMPLAINED, COMPLAINT)


def note(session: Session, now: datetime, refusals: Sequence[Refusal], days: timedelta) -> None:
    """Count refused mails: a dead address is suppressed at once, another one after LIMIT soft failures."""
    _suppress(session, now, [refusal[:3] for refusal in refusals if refusal.dead], Suspicion.DEAD, days)
    failing = _score(session, now, [refusal for refusal in refusals if not refusal.dead])
    _suppress(session, now, failing, Suspicion.FAILING, days)


def release(session: Session, app_id: str, addresses: Collection[str]) -> bool:
    """Delete the entries of these addresses; False if there were none."""
    if not addresses:
        return False
    entries = delete(Suppression).where(Suppression.app_id == app_id, _is_one_of(addresses))
    return bool(session.scalars(entries.returning(Suppression.address)).all())


def release_own(session: Session, authors: Sequence[tuple[str, str, str]]) -> None:
    """Delete the entries of addresses from which their owners write, given as (app, user, address)."""
    if not authors:
        return
    apps, users, addresses = zip(*authors, strict=True)
    session.execute(
        text("""
        DELETE FROM suppressions s
        USING unnest(CAST(:apps AS text[]), CAST(:users AS text[]), CAST(:addresses AS text[]))
            AS a (app_id, user_id, address)
        JOIN users u ON u.app_id = a.app_id AND u.id = a.user_id
        WHERE s.app_id = a.app_id AND s.address = lower(a.address)
            AND EXISTS (SELECT 1 FROM unnest(u.emails) AS own WHERE lower(own) = s.address)"""),
        {"apps": list(apps), "users": list(users), "addresses": list(addresses)},
    )


def of(session: Session, now: datetime, app_id: str, addresses: Iterable[str]) -> Sequence[Suppression]:
    """Active entries of these addresses, by address."""
    query = select(Suppression).where(Suppression.app_id == app_id, _is_one_of(addresses))
    return session.scalars(query.where(Suppression.until > now).order_by(Suppression.address)).all()


def listed(session: Session, now: datetime, app_id: str, limit: int, after: str = "") -> Sequence[Suppression]:
    """Active entries of an app, by address, after the address `after`."""
    query = select(Suppression).where(
        Suppression.app_id == app_id, Suppression.until > now, Suppression.address > after
    )
    return session.scalars(query.order_by(Suppression.address).limit(limit)).all()


def _is_one_of(addresses: Iterable[str]) -> ColumnElement[bool]:
    return Suppression.address.in_({address.lower() for address in addresses})


def _suppress(session: Session, now: datetime, rows: Sequence[Row], reason: Suspicion, days: timedelta) -> None:
    if not rows:
        return
    values = {"now": now, "reason": reason, "until": now + (COMPLAINT if reason is Suspicion.COMPLAINED else days)}
    session.execute(
        text("""
        INSERT INTO suppressions (app_id, address, reason, status, score, scored_at, until)
        SELECT r.app_id, lower(r.address), :reason, max(r.status), 0, :now, :until
        FROM unnest(CAST(:apps AS text[]), CAST(:addresses AS text[]), CAST(:statuses AS text[]))
            AS r (app_id, address, status)
        GROUP BY r.app_id, lower(r.address) ORDER BY r.app_id, lower(r.address)  -- one order: no deadlock
        ON CONFLICT (app_id, address) DO UPDATE SET reason = excluded.reason, status = excluded.status,
            until = excluded.until
            WHERE suppressions.until IS NULL OR suppressions.until < excluded.until"""),
        _columns(rows) | values,
    )


def _score(session: Session, now: datetime, refusals: Sequence[Refusal]) -> list[Row]:
    """Count soft failures, whose weight halves every HALF_LIFE; returns the addresses that have reached LIMIT."""
    if not refusals:
        return []
    failing = session.execute(
        text("""
        INSERT INTO suppressions AS s (app_id, address, reason, status, score, scored_at)
        SELECT r.app_id, lower(r.address), :reason, max(r.status), count(*), :now
        FROM unnest(CAST(:apps AS text[]), CAST(:addresses AS text[]), CAST(:statuses AS text[]))
            AS r (app_id, address, status)
        GROUP BY r.app_id, lower(r.address) ORDER BY r.app_id, lower(r.address)  -- one order: no deadlock
        ON CONFLICT (app_id, address) DO UPDATE SET scored_at = excluded.scored_at, score = excluded.score + s.score
            * power(0.5, greatest(extract(epoch FROM excluded.scored_at - s.scored_at), 0) / :half_life)
        RETURNING app_id, address, score"""),
        _columns([refusal[:3] for refusal in refusals])
        | {"reason": Suspicion.FAILING, "now": now, "half_life": HALF_LIFE.total_seconds()},
    )
    statuses = {(refusal.app_id, refusal.address.lower()): refusal.status for refusal in refusals}
    return [(row[0], row[1], statuses[row[0], row[1]]) for row in failing if row.score >= LIMIT]


def _columns(rows: Sequence[Row]) -> dict[str, object]:
    apps, addresses, statuses = zip(*rows, strict=True)
    return {"apps": list(apps), "addresses": list(addresses), "statuses": list(statuses)}
