"""Users: created and merged by backends."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mailtalk.conversations import cursors
from mailtalk.errors import ErrorCode, Invalid, NotFound
from mailtalk.events import record as events
from mailtalk.events import serializers
from mailtalk.events.record import Happened
from mailtalk.models import User
from mailtalk.outbound import suppressions
from mailtalk.vocabulary import EventType

MERGED_LIMIT = 1_000_000  # bytes of a merged object as JSON, which every event of a user or conversation contains
LIST = "users"  # name of the list for cursors
_WIRE = {"push_tokens": "pushTokens"}

Put = tuple[User, EventType | None]  # the user, and the type of the event to record


def put(session: Session, app_id: str, user_id: str, fields: dict[str, Any]) -> None:
    """Create the user, or merge the given columns; `custom` and `push_tokens` merge key by key, None clears one.

    Invalid if the user is new and has no name.
    """
    _tell(session, [_put(session, app_id, user_id, fields)])


def put_many(session: Session, app_id: str, users: Mapping[str, dict[str, Any]]) -> None:
    """Put several users, in the order of their ids to avoid deadlocks. Invalid names user and field."""
    done = []
    for user_id in sorted(users):
        try:
            done.append(_put(session, app_id, user_id, users[user_id]))
        except Invalid as error:
            raise error.within(user_id) from None
    _tell(session, done)


def page(session: Session, app_id: str, limit: int, starting_after: str | None = None) -> list[User]:
    """Users, newest first, before the user `starting_after`, who may be erased since. Invalid for an unknown id."""
    query = select(User).where(User.app_id == app_id)
    if starting_after is not None:
        last = session.get(User, (app_id, starting_after))
        moment = last.created_at if last else cursors.moment(session, app_id, LIST, starting_after)
        if moment is None:
            raise Invalid({"startingAfter": [f"no user {starting_after!r}"]})
        query = query.where(tuple_(User.created_at, User.id) < tuple_(moment, starting_after))
    return list(session.scalars(query.order_by(User.created_at.desc(), User.id.desc()).limit(limit)))


def get(session: Session, app_id: str, user_id: str) -> User:
    """User by id; NotFound if the app has none."""
    user = session.get(User, (app_id, user_id))
    if user is None:
        raise NotFound({"userId": [f"no user {user_id!r}"]}, ErrorCode.USER_NOT_FOUND)
    return user


def assign(row: Any, fields: Mapping[str, Any]) -> None:
    """Set these columns of a row; objects merge, and None empties `custom`, which is never null.

    Invalid for an object that is too large after the merge.
    """
    for column, value in fields.items():
        setattr(row, column, _value(column, getattr(row, column), value))


def merged(field: str, old: dict[str, Any] | None, new: dict[str, Any]) -> dict[str, Any]:
    """JSON object with the new keys merged over the old ones; None removes a key. Invalid names a field too large."""
    both = {key: value for key, value in {**(old or {}), **new}.items() if value is not None}
    if len(msgspec.json.encode(both)) > MERGED_LIMIT:
        raise Invalid({field: [f"has more than {MERGED_LIMIT} bytes after the merge; clear keys with null"]})
    return both


def _put(session: Session, app_id: str, user_id: str, fields: dict[str, Any]) -> Put:
    row = session.get(User, (app_id, user_id), with_for_update={"key_share": True})
    if row is None:
        if "name" not in fields:
            raise Invalid({"name": ["is required to create a user"]})
        values = {"custom": {}} | {column: _value(column, None, value) for column, value in fields.items()}
        fresh = insert(User).values(app_id=app_id, id=user_id, **values)
        made = session.scalar(fresh.on_conflict_do_nothing().returning(User))
        if made is not None:
            suppressions.release(session, app_id, made.emails or ())
            return made, EventType.USER_CREATED
        row = session.get_one(User, (app_id, user_id), with_for_update={"key_share": True})  # created concurrently
    # An address that is set anew gets mail again.
    suppressions.release(session, app_id, set(fields.get("emails") or ()).difference(row.emails or ()))
    assign(row, fields)
    return row, EventType.USER_UPDATED if session.is_modified(row) else None


def _value(column: str, old: Any, new: Any) -> Any:
    if column == "custom" and new is None:
        return {}
    return merged(_WIRE.get(column, column), old, new) if isinstance(new, dict) else new


def _tell(session: Session, done: Sequence[Put]) -> None:
    told = [Happened(row.app_id, kind, {"user": serializers.user(row)}) for row, kind in done if kind]
    events.record_many(session, told)
