"""Bounces and complaints that a mail provider posts: matched to deliveries, and written once, as DSNs and ARF are."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from mailtalk.db import seen
from mailtalk.keys import Keyring
from mailtalk.mail import address
from mailtalk.mail.screening import dsn
from mailtalk.models import Delivery
from mailtalk.outbound import bounces, verp
from mailtalk.outbound.bounces import COMPLAINT, HARD, SOFT, Report

RECENT = timedelta(days=5)  # age of a mail to which a bounce without an id of ours may belong
UNMATCHED, REPEATED = "unmatched", "repeated"

_SENT_TO = text("""
    SELECT r.address, d.id FROM unnest(CAST(:addresses AS text[])) AS r (address)
    CROSS JOIN LATERAL (
        SELECT last.id FROM apps a CROSS JOIN LATERAL (
            SELECT d.id, d.created_at FROM deliveries d
            WHERE d.app_id = a.id AND lower(d.address) = r.address AND d.created_at > :since
                AND d.stage IN ('sent', 'unknown')
            ORDER BY d.created_at DESC, d.id DESC LIMIT 1) AS last
        ORDER BY last.created_at DESC LIMIT 1) AS d""")


class ProviderReport(NamedTuple):
    """Bounce or complaint about one recipient: `kind` is hard, soft or complaint, `key` is equal for repeated posts.

    Our mail is named by the delivery's id in the provider's metadata, its Message-ID or its envelope sender, if at all.
    """

    key: str
    kind: str
    recipient: str
    status: str | None = None
    metadata: str = ""
    message_id: str = ""
    mail_from: str = ""


class ProviderPost(NamedTuple):
    """Reports of one request; `token` is what the provider signs in its place, and is accepted once."""

    reports: Sequence[ProviderReport]
    token: str | None = None


def failure(words: str, declared: str = "", *, permanent: bool) -> tuple[str, str | None]:
    """Kind and status of a bounce: hard if the provider calls it permanent and the server's words do not differ."""
    status = dsn.status(words, declared)
    is_hard = permanent and (dsn.is_dead(status, words) or not (status or words.strip()))
    return HARD if is_hard else SOFT, status


def record(  # noqa: PLR0913, PLR0917  a post, whose it is, and when
    session: Session, keyring: Keyring, now: datetime, provider: str, post: ProviderPost, suppress: timedelta
) -> Mapping[str, int]:
    """Write the effect of a verified post; returns the number of reports of each kind, unmatched and repeated ones."""
    tokens = [post.token] if post.token is not None else []
    new = seen.new(session, now, (f"{provider} {key}" for key in [*tokens, *(one.key for one in post.reports)]))
    if any(f"{provider} {token}" not in new for token in tokens):
        return Counter({REPEATED: len(post.reports)})
    fresh = [report for report in _distinct(post.reports) if f"{provider} {report.key}" in new]
    matched = [report for report in _matched(session, keyring, now, fresh) if report is not None]
    bounces.write(session, now, matched, suppress)
    counts = Counter(report.kind for report in matched)
    counts.update({UNMATCHED: len(fresh) - len(matched), REPEATED: len(post.reports) - len(fresh)})
    return +counts


def _distinct(reports: Sequence[ProviderReport]) -> Sequence[ProviderReport]:
    return list({report.key: report for report in reports}.values())


def _matched(
    session: Session, keyring: Keyring, now: datetime, reports: Sequence[ProviderReport]
) -> Iterator[Report | None]:
    """Each report with its delivery; None without one to the same address."""
    named = [_named(keyring, report) for report in reports]
    by_address = _sent_to(session, now, [r for r, ids in zip(reports, named, strict=True) if not ids])
    candidates = [
        ids or [by_address[mailbox] for mailbox in [_key(report)] if mailbox in by_address]
        for report, ids in zip(reports, named, strict=True)
    ]
    wanted = {delivery_id for ids in candidates for delivery_id in ids}
    deliveries = {delivery.id: delivery for delivery in bounces.lock(session, wanted)} if wanted else {}
    reported = {delivery.id for delivery in deliveries.values() if delivery.bounced_at is not None}
    for report, ids in zip(reports, candidates, strict=True):
        delivery = next((deliveries[one] for one in ids if one in deliveries), None)
        yield _judged(report, delivery, reported)


def _judged(report: ProviderReport, delivery: Delivery | None, reported: set[UUID]) -> Report | None:
    """The report, unless it is about another address than the delivery's; later ones about a delivery are not first."""
    if delivery is None or address.normal(delivery.address) != address.normal(report.recipient):
        return None
    is_first = delivery.id not in reported
    reported.add(delivery.id)
    return Report(delivery, report.kind, report.status, is_first=is_first)


def _named(keyring: Keyring, report: ProviderReport) -> list[UUID]:
    """Deliveries that a report names, the best evidence first."""
    sender, _ = address.token_of(report.mail_from)
    ids = (_uuid(report.metadata), bounces.of_message_id(report.message_id), verp.delivery(keyring, sender))
    return [delivery_id for delivery_id in ids if delivery_id is not None]


def _uuid(given: str) -> UUID | None:
    return UUID(given) if re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", given) else None


def _sent_to(session: Session, now: datetime, reports: Sequence[ProviderReport]) -> dict[str, UUID]:
    """The newest recent delivery to each address; not for complaints, which may be about another system's mail."""
    addresses = sorted({_key(report) for report in reports if report.kind != COMPLAINT})
    if not addresses:
        return {}
    rows = session.execute(_SENT_TO, {"addresses": addresses, "since": now - RECENT})
    return {row.address: row.id for row in rows}


def _key(report: ProviderReport) -> str:
    return report.recipient.strip().lower()
