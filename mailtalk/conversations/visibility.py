"""Visibility: lists of conversations as an app or a user sees them, and the last message that a user may read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from mailtalk.conversations import conversations, users
from mailtalk.errors import ErrorCode, Invalid, NotFound
from mailtalk.ids import ParticipantKey
from mailtalk.models import Conversation, Message, Participation
from mailtalk.vocabulary import Sees

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


@dataclass(frozen=True, slots=True)
class Seen:
    """A conversation as its reader sees it; a frozen `view` replaces its participants."""

    conversation: Conversation
    last_message: Message | None
    view: dict[str, Any] | None = None
    participants: Sequence[Participation] = field(default_factory=tuple)
    unread: int = 0


def horizon(session: Session, key: ParticipantKey) -> int | None:
    """The last seq that this user may read; None for no limit. NotFound for a user who may read nothing."""
    conversations.get(session, key.conversation)
    users.get(session, key.app_id, key.user_id)
    row = session.get(Participation, (*key.conversation, key.user_id))
    if row is None or row.sees == Sees.NOTHING:
        raise NotFound(
            {"asUser": [f"{key.user_id!r} sees nothing of this conversation"]}, ErrorCode.PARTICIPANT_NOT_FOUND
        )
    return row.view_seq


def of_app(session: Session, app_id: str, listing: Listing) -> list[Seen]:
    """Conversations of an app."""
    return _seen(session, app_id, None, _page(session, _OF_APP, {"app": app_id}, listing))


def of_user(session: Session, app_id: str, user_id: str, listing: Listing) -> list[Seen]:
    """Conversations in a user's list, each as this user may see it."""
    rows = _page(session, _OF_USER, {"app": app_id, "user": user_id}, listing)
    return _seen(session, app_id, user_id, rows)


def _page(session: Session, source: str, values: dict[str, Any], listing: Listing) -> Sequence[Any]:
    key, sign, way = _KEYS[listing.order_by], *(("<", "DESC") if listing.descending else (">", "ASC"))
    conditions, more = _conditions(listing)
    if listing.starting_after is not None:
        _require(session, source, values, listing.starting_after)
        conditions.append(f"({key}, id) {sign} (SELECT {key}, id FROM seen WHERE id = :starting_after)")  # noqa: S608  the same
    if listing.offset is not None:
        conditions.append(f"{key} {sign} :offset")
    # Only fragments of ours are concatenated; values from outside are bound parameters.
    statement = f"""WITH seen AS ({source}) SELECT id, cut, read_seq FROM seen
        WHERE {" AND ".join(conditions)} ORDER BY {key} {way}, id {way} LIMIT :limit"""  # noqa: S608
    bound = {"limit": listing.limit, "starting_after": listing.starting_after, "offset": listing.offset}
    used = {name: value for name, value in (bound | more).items() if f":{name}" in statement}
    return session.execute(text(statement), values | used).all()


def _require(session: Session, source: str, values: dict[str, Any], conversation_id: str) -> None:
    """Raise Invalid for a conversation outside the list; an empty page would look like the end of the list."""
    query = text(f"WITH seen AS ({source}) SELECT 1 FROM seen WHERE id = :last")  # noqa: S608  ours
    if session.scalar(query, values | {"last": conversation_id}) is None:
        raise Invalid({"startingAfter": [f"no conversation {conversation_id!r} in this list"]})


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


def _seen(session: Session, app_id: str, user_id: str | None, rows: Sequence[Any]) -> list[Seen]:
    ids = [row.id for row in rows]
    conversations = {c.id: c for c in session.scalars(_in(Conversation, app_id, Conversation.id, ids))}
    views = _views(session, app_id, user_id, ids)
    last = _last_messages(session, app_id, rows)
    unread = _unread(session, app_id, user_id, rows) if user_id is not None else {}
    members = _members(session, app_id, ids)
    return [
        Seen(conversations[row.id], last.get(row.id), views.get(row.id), members.get(row.id, ()), unread.get(row.id, 0))
        for row in rows
    ]


def _in(model: Any, app_id: str, column: Any, ids: Sequence[str]) -> Any:
    return select(model).where(model.app_id == app_id, column.in_(ids))


def _views(session: Session, app_id: str, user_id: str | None, ids: Sequence[str]) -> Mapping[str, dict[str, Any]]:
    if user_id is None:
        return {}
    mine = _in(Participation, app_id, Participation.conversation_id, ids).where(Participation.user_id == user_id)
    rows = session.scalars(mine.where(Participation.sees == Sees.FROZEN))
    return {row.conversation_id: row.view or {} for row in rows}


def _last_messages(session: Session, app_id: str, rows: Sequence[Any]) -> Mapping[str, Message]:
    newest = text("""
        SELECT m.* FROM unnest(CAST(:ids AS text[]), CAST(:cuts AS bigint[])) AS seen (id, cut)
        CROSS JOIN LATERAL (
            SELECT * FROM messages WHERE app_id = :app AND conversation_id = seen.id
                AND seq <= coalesce(seen.cut, seq) ORDER BY created_at DESC, seq DESC LIMIT 1) AS m""")
    bound = newest.bindparams(app=app_id, ids=[row.id for row in rows], cuts=[row.cut for row in rows])
    return {m.conversation_id: m for m in session.scalars(select(Message).from_statement(bound))}


def _unread(session: Session, app_id: str, user_id: str, rows: Sequence[Any]) -> Mapping[str, int]:
    counted = session.execute(
        text("""
        SELECT seen.id, count(*) FROM unnest(CAST(:ids AS text[]), CAST(:cuts AS bigint[]), CAST(:reads AS bigint[]))
            AS seen (id, cut, read_seq)
        JOIN messages m ON m.app_id = :app AND m.conversation_id = seen.id AND m.seq > seen.read_seq
            AND m.seq <= coalesce(seen.cut, m.seq) AND m.sender_id IS DISTINCT FROM :user
        GROUP BY seen.id"""),
        {
            "app": app_id,
            "user": user_id,
            "ids": [row.id for row in rows],
            "cuts": [row.cut for row in rows],
            "reads": [row.read_seq for row in rows],
        },
    )
    return {row[0]: row[1] for row in counted}


def _members(session: Session, app_id: str, ids: Sequence[str]) -> Mapping[str, Sequence[Participation]]:
    query = _in(Participation, app_id, Participation.conversation_id, ids).where(Participation.takes_part)
    members: dict[str, list[Participation]] = {}
    for row in session.scalars(query.order_by(Participation.joined_at, Participation.user_id)):
        members.setdefault(row.conversation_id, []).append(row)
    return members
