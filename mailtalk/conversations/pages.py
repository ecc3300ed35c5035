"""Pages of lists of conversations: order, filters, and the cursor, which holds when its conversation moves or goes."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec
from sqlalchemy import text
from sqlalchemy.orm import Session

from mailtalk.conversations import cursors
from mailtalk.errors import Invalid

OPERATORS = {"==": "= ANY(:{0})", "oneOf": "= ANY(:{0})", "!=": "<> ALL(:{0})", "!oneOf": "<> ALL(:{0})"}
_KEYS = {"lastActivity": "activity", "createdAt": "created_at"}

# A conversation and the last seq of its reader's view; NULL if the view is not frozen.
_OF_APP = """
    SELECT c.app_id, c.id, c.created_at, c.custom, c.last_message_at AS last_at, CAST(NULL AS bigint) AS cut,
        coalesce(c.last_message_at, c.created_at) AS activity, CAST(NULL AS bigint) AS read_seq
    FROM conversations c WHERE c.app_id = :app"""
_OF_USER = """
    SELECT c.app_id, c.id, c.created_at, c.custom, last.at AS last_at, p.view_seq AS cut,
        coalesce(last.at, c.created_at) AS activity, p.read_seq
    FROM participations p
    JOIN conversations c ON c.app_id = p.app_id AND c.id = p.conversation_id
    LEFT JOIN LATERAL (
        SELECT CASE WHEN p.view_seq IS NULL THEN c.last_message_at ELSE (
            SELECT max(m.created_at) FROM messages m WHERE m.app_id = c.app_id AND m.conversation_id = c.id
                AND m.seq <= p.view_seq) END AS at) AS last ON true
    WHERE p.app_id = :app AND p.user_id = :user AND p.sees <> 'nothing'"""
_UNREAD = """EXISTS (SELECT 1 FROM messages m WHERE m.app_id = seen.app_id AND m.conversation_id = seen.id
    AND m.seq > seen.read_seq AND m.seq <= coalesce(seen.cut, m.seq) AND m.sender_id IS DISTINCT FROM :user)"""


@dataclass(frozen=True, slots=True)
class Listing:
    """Order, filters and page of a list of conversations; `custom` holds (key, operator, values)."""

    limit: int
    order_by: str = "lastActivity"
    descending: bool = True
    starting_after: str | None = None
    offset: datetime | None = None
    before: datetime | None = None
    after: datetime | None = None
    unreads_only: bool = False
    custom: Sequence[tuple[str, str, list[str]]] = ()


def of_app(session: Session, app_id: str, listing: Listing) -> Sequence[Any]:
    """Page of an app's conversations, as rows of id, cut and read_seq."""
    return _page(session, _OF_APP, {"app": app_id}, listing)


def of_user(session: Session, app_id: str, user_id: str, listing: Listing) -> Sequence[Any]:
    """Page of a user's list; `cut` is the last seq of a frozen view, `read_seq` the last one read."""
    return _page(session, _OF_USER, {"app": app_id, "user": user_id}, listing)


def deleted(order_by: str) -> str:
    """Name under which the place of a deleted conversation in this order is kept."""
    return f"conversations/{order_by}"


def _page(session: Session, source: str, values: dict[str, Any], listing: Listing) -> Sequence[Any]:
    key, sign, way = _KEYS[listing.order_by], *(("<", "DESC") if listing.descending else (">", "ASC"))
    conditions, more = _conditions(listing)
    if listing.starting_after is not None:
        more["moment"] = _moment(session, source, values, listing, listing.starting_after)
        conditions.append(f"({key}, id) {sign} (:moment, :starting_after)")
    if listing.offset is not None:
        conditions.append(f"{key} {sign} :offset")
    # Only fragments of ours are concatenated; values from outside are bound parameters.
    statement = f"""WITH seen AS ({source}) SELECT id, cut, read_seq, {key} AS moment FROM seen
        WHERE {" AND ".join(conditions)} ORDER BY {key} {way}, id {way} LIMIT :limit"""  # noqa: S608
    bound = {"limit": listing.limit, "starting_after": listing.starting_after, "offset": listing.offset}
    used = {name: value for name, value in (bound | more).items() if f":{name}" in statement}
    rows = session.execute(text(statement), values | used).all()
    if len(rows) == listing.limit:
        cursors.keep_end(session, values["app"], _name(listing, values), rows[-1].id, rows[-1].moment)
    return rows


def _name(listing: Listing, values: Mapping[str, Any]) -> str:
    """Name of a list for its cursors, the same for all of its pages."""
    same = replace(listing, limit=0, starting_after=None, offset=None)
    return sha256(msgspec.json.encode((values.get("user"), astuple(same)))).hexdigest()


def _moment(session: Session, source: str, values: Mapping[str, Any], listing: Listing, row_id: str) -> datetime:
    """Time in the order at which the conversation ended its page, else that it has now, or had when it was deleted."""
    app_id, key = values["app"], _KEYS[listing.order_by]
    query = text(f"WITH seen AS ({source}) SELECT {key} FROM seen WHERE id = :row")  # noqa: S608  ours
    moment = (
        cursors.moment(session, app_id, _name(listing, values), row_id)
        or session.scalar(query, {**values, "row": row_id})
        or cursors.moment(session, app_id, deleted(listing.order_by), row_id)
    )
    if moment is None:  # an empty page would look like the end of the list
        raise Invalid({"startingAfter": [f"no conversation {row_id!r} in this list"]})
    return moment


def _conditions(listing: Listing) -> tuple[list[str], dict[str, Any]]:
    conditions, values = ["true"], {"before": listing.before, "after": listing.after}
    if listing.before is not None:
        conditions.append("last_at < :before")
    if listing.after is not None:
        conditions.append("last_at > :after")
    if listing.unreads_only:
        conditions.append(_UNREAD)
    more: dict[str, Any] = dict(values)
    for i, (name, operator, wanted) in enumerate(listing.custom):
        more |= {f"key{i}": name, f"value{i}": wanted}
        conditions.append(_custom(i, operator))
    return conditions, more


def _custom(i: int, operator: str) -> str:
    if operator in {"exists", "!exists"}:
        return f"({'' if operator == 'exists' else 'NOT '}jsonb_exists(custom, :key{i}))"
    return f"coalesce(custom ->> :key{i}, '') {OPERATORS[operator].format(f'value{i}')}"
