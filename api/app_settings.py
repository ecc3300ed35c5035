"""The app, and the presences and sessions of its users, which are always empty: nobody is online here."""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy.orm import Session

from api.paths import USER
from api.request import Call
from api.routing import route
from api.schemas.types import Text
from mailtalk.conversations import apps, users
from mailtalk.errors import ErrorCode
from mailtalk.events.schemas import Custom

TAG = "App"


class App(msgspec.Struct, rename="camel"):
    """An app."""

    id: str
    name: str
    default_locale: str | None
    custom: Custom


class AppUpdate(msgspec.Struct, rename="camel"):
    """Fields of an app to set. Null clears a field, an absent one is unchanged; `custom` merges key by key."""

    default_locale: Text = UNSET
    custom: dict[str, str | None] | UnsetType | None = UNSET


class Presences(msgspec.Struct):
    """The presence of users, by id."""

    data: dict[str, Any] = msgspec.field(default_factory=dict)


@route("GET", "", TAG)
def get_app(session: Session, call: Call) -> App:
    """Get the app.

    Use it to check the base URL and the credential.
    """
    row = apps.found(session, call.app_id)
    return App(row.id, row.name, row.default_locale, row.custom)


@route("PUT", "", TAG)
def put_app(session: Session, call: Call, body: AppUpdate) -> None:
    """Update the app.

    `defaultLocale` is the language of mails to users without a `locale`.
    """
    given = {name: value for name, value in msgspec.structs.asdict(body).items() if value is not UNSET}
    apps.merge(session, call.app_id, given)


@route("POST", "/presences", TAG)
def get_presences(session: Session, call: Call) -> Presences:  # noqa: ARG001  the same for every app
    """Get the presence of users.

    Always empty: nobody is online here.
    """
    return Presences()


@route("GET", USER + "/sessions", TAG, missing=[ErrorCode.USER_NOT_FOUND])
def list_sessions(session: Session, call: Call) -> list[str]:
    """List the sessions of a user.

    Always empty: there is no user interface to be online in.
    """
    users.get(session, call.app_id, call.user_id)
    return []
