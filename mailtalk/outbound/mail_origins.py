"""Origins of mails: the requests whose messages a delivery shows, for traces."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.orm import Session

from mailtalk.db import sql
from mailtalk.db.origins import Origin
from mailtalk.outbound.deliveries import ClaimedDelivery

MOST = 16  # origins of one mail
_ORIGINS = sql.statement("""
    -- the newest messages with origins that each mail shows, of a digest in all its sections
    SELECT key.id, own.created_at, own.traceparent, own.request_id
    FROM unnest(CAST(:apps AS text[]), CAST(:ids AS uuid[])) AS key (app_id, id) CROSS JOIN LATERAL (
        SELECT m.created_at, o.traceparent, o.request_id FROM (
            SELECT conversation_id, seqs FROM deliveries
            WHERE app_id = key.app_id AND id = key.id AND kind = $DeliveryKind.NOTIFICATION
            UNION ALL
            SELECT conversation_id, seqs FROM digest_sections WHERE app_id = key.app_id AND delivery_id = key.id
        ) AS part
        JOIN messages m ON m.app_id = key.app_id AND m.conversation_id = part.conversation_id
            AND m.seq >= lower(part.seqs) AND m.seq < upper(part.seqs) AND part.seqs @> m.seq
        JOIN origins o ON o.app_id = m.app_id AND o.id = m.id
        ORDER BY m.created_at DESC, m.seq DESC LIMIT :most) AS own
    ORDER BY key.id, own.created_at DESC""")


class MailOrigin(NamedTuple):
    """Origin of the newest message that a mail shows, the time it was posted, and the origins of others."""

    origin: Origin
    since: datetime
    others: Sequence[Origin]


def read(session: Session, claimed: Sequence[ClaimedDelivery]) -> Mapping[UUID, MailOrigin]:
    """Origins of deliveries, by id; those without are left out."""
    apps, ids = [delivery.app_id for delivery in claimed], [delivery.id for delivery in claimed]
    rows = session.execute(_ORIGINS, {"apps": apps, "ids": ids, "most": MOST})
    return {delivery_id: _origin(list(own)) for delivery_id, own in groupby(rows, lambda row: row.id)}


def _origin(rows: Sequence[Row[Any]]) -> MailOrigin:
    newest, *others = [Origin(row.traceparent, row.request_id) for row in rows]
    return MailOrigin(newest, rows[0].created_at, others)
