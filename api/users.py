"""Users: put, get, list, erase."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta
from sqlalchemy.orm import Session

from api import wire
from api.paths import USER
from api.request import Call
from api.routing import route
from api.schemas.types import Id, Page, PageQuery
from api.schemas.users import UserUpdate
from mailtalk import clock
from mailtalk.conversations import erasure, users
from mailtalk.conversations.erasure import ErasedMessages
from mailtalk.errors import ErrorCode, Invalid
from mailtalk.events import serializers
from mailtalk.events.schemas import User

TAG = "Users"
MOST = Meta(min_length=1, max_length=100)
UserUpdates = Annotated[dict[Id, UserUpdate], MOST]
RawUpdates = Annotated[dict[Id, msgspec.Raw], MOST]


class UserQuery(PageQuery, rename="camel", kw_only=True):
    """Query of the app's users."""

    is_online: Annotated[bool, Meta(description="True gives an empty list: nobody is online here.")] = False


class ErasureQuery(msgspec.Struct):
    """Query of the erasure of a user."""

    messages: Annotated[
        ErasedMessages, Meta(description="`anonymise` keeps the texts of their messages, `remove` deletes them.")
    ] = ErasedMessages.ANONYMISE


@route("PUT", "/users", TAG, body_schema=UserUpdates)
def put_users(session: Session, call: Call, body: RawUpdates) -> None:
    """Create or update up to 100 users.

    The body maps ids to the bodies of single PUTs. Either all are written or none.
    """
    users.put_many(session, call.app_id, {user_id: _columns(user_id, body[user_id]) for user_id in sorted(body)})


@route("GET", "/users", TAG)
def list_users(session: Session, call: Call, query: UserQuery) -> Page[User]:
    """List users, newest first."""
    if query.is_online:
        return Page([])
    return Page([serializers.user(row) for row in users.page(session, call.app_id, query.limit, query.after)])


@route("PUT", USER, TAG)
def put_user(session: Session, call: Call, body: UserUpdate) -> None:
    """Create or update a user.

    Null clears a field; an absent one is unchanged. `custom` merges key by key. `name` is required to create a user.
    Mails go to all of a user's addresses, in the language of `locale` and with times in `timeZone`.
    """
    users.put(session, call.app_id, call.user_id, body.columns())


@route("GET", USER, TAG, missing=[ErrorCode.USER_NOT_FOUND])
def get_user(session: Session, call: Call) -> User:
    """Get a user."""
    return serializers.user(users.get(session, call.app_id, call.user_id))


def _columns(user_id: str, body: msgspec.Raw) -> dict[str, Any]:
    """Columns of one user. Errors name the user, then the field."""
    try:
        return wire.decode(bytes(body), UserUpdate).columns()
    except Invalid as error:
        raise error.within(user_id) from None


@route("DELETE", USER, TAG, missing=[ErrorCode.USER_NOT_FOUND])
def erase_user(session: Session, call: Call, query: ErasureQuery) -> None:
    """Erase a user.

    Permanently: their participations end, their inbound addresses are refused, pending mails are not sent, and their
    files, mails and settings are deleted. Their messages are removed, or stay in the name of a user without data. What
    others wrote stays. Ours, not TalkJS's.
    """
    erasure.erase(session, clock.now(), call.app_id, call.user_id, query.messages)
