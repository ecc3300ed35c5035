"""Users: put, get, list."""

from typing import Any
from zoneinfo import available_timezones

import msgspec
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from msgspec import UNSET, UnsetType
from starlette.responses import Response

from api import wire
from api.request import Call
from api.wire import Json
from mailtalk.conversations import users
from mailtalk.errors import Invalid
from mailtalk.events import serializers
from mailtalk.models import User

Text = str | None | UnsetType
Texts = str | list[str] | None | UnsetType
NAME_LENGTH = 1_000
SPECIAL_USE_DOMAIN_NAMES.clear()  # .local, .test, …: mails may go to hosts of the operator's own network
BATCH = 100
MAILBOXES = 20
TIME_ZONES = frozenset(available_timezones())


class Put(msgspec.Struct, rename="camel"):
    """Body of PUT; null clears, what is missing stays."""

    name: str | UnsetType = UNSET
    email: Texts = UNSET
    phone: Texts = UNSET
    photo_url: Text = UNSET
    welcome_message: Text = UNSET
    locale: Text = UNSET
    time_zone: Text = UNSET
    role: Text = UNSET
    custom: dict[str, str | None] | UnsetType | None = UNSET
    push_tokens: dict[str, Any] | UnsetType | None = UNSET


COLUMNS = {name: name for name in Put.__struct_fields__} | {"email": "emails", "phone": "phones"}


async def put(call: Call) -> Response:
    """PUT: create or merge."""
    fields = columns(await call.body(Put))
    return await call.commit(users.put, call.app_id, call.id("userId"), fields)


async def put_many(call: Call) -> Response:
    """PUT a map of at most 100 users: all of them, or none."""
    body = await call.body(dict[str, Put])
    if not 0 < len(body) <= BATCH:
        raise Invalid({"body": [f"must hold 1 to {BATCH} users"]})
    fields = {user_id: _named(user_id, put) for user_id, put in sorted(body.items())}
    return await call.commit(users.put_many, call.app_id, fields)


async def listed(call: Call) -> Json:
    """GET: the app's users, newest first."""
    found = await call.transact(users.page, call.app_id, call.page_limit(), call.query_id("startingAfter"))
    return {"data": [shown(user) for user in found]}


async def get(call: Call) -> Json:
    """GET: everything we know, nulls too."""
    return shown(await call.transact(users.get, call.app_id, call.id("userId")))


def _named(user_id: str, body: Put) -> Json:
    """Like `columns`, with the user's id before the field in an error."""
    try:
        wire.checked_id("id", user_id)
        return columns(body)
    except Invalid as error:
        reasons = error.reasons.items() if isinstance(error.reasons, dict) else ()
        raise Invalid({f"{user_id}.{name}": texts for name, texts in reasons}) from None


def columns(body: Put) -> Json:
    """The given fields under the columns' names, checked."""
    fields = wire.given(body, COLUMNS)
    if not 0 < len(fields.get("name", "-").strip()) <= NAME_LENGTH:
        raise Invalid({"name": [f"must have 1 to {NAME_LENGTH} characters"]})
    if fields.get("time_zone") is not None and fields["time_zone"] not in TIME_ZONES:
        raise Invalid({"timeZone": ["must be a time zone's name, as Europe/Berlin"]})
    for column in {"emails", "phones"} & fields.keys():
        fields[column] = _texts(fields[column])
    if fields.get("emails"):
        if len(fields["emails"]) > MAILBOXES:
            raise Invalid({"email": [f"must be at most {MAILBOXES}: each gets every mail"]})
        fields["emails"] = [_mailbox(each) for each in fields["emails"]]
    return fields


def shown(user: User) -> Json:
    """A user on the wire."""
    return serializers.user(user)


def _texts(value: str | list[str] | None) -> list[str] | None:
    values = [value] if isinstance(value, str) else value or []
    return [each.strip() for each in values if each.strip()] or None


def _mailbox(text: str) -> str:
    try:
        found = validate_email(
            text, check_deliverability=False, globally_deliverable=False, allow_smtputf8=False, strict=True
        )
    except EmailNotValidError as error:
        raise Invalid({"email": [f"{text!r} is not an e-mail address: {error}"]}) from None
    return found.ascii_email or found.normalized
