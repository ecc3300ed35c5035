"""Users: the body of a PUT. The user in answers is `mailtalk.events.schemas.User`."""

from typing import Annotated, Any
from zoneinfo import available_timezones

import msgspec
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from msgspec import UNSET, Meta, UnsetType

from api.schemas.types import Text
from mailtalk.errors import Invalid

SPECIAL_USE_DOMAIN_NAMES.clear()  # accepts .local, .test, …: mail may go to hosts of the operator's own network
MAILBOXES = 20
TIME_ZONES = frozenset(available_timezones())

Mailbox = Annotated[str, Meta(extra_json_schema={"format": "email"})]
Mailboxes = Annotated[list[Mailbox], Meta(max_length=MAILBOXES, description="Each gets every mail.")]
Name = Annotated[str, Meta(min_length=1, max_length=1_000, pattern=r"\S", description="Required to create a user.")]


class UserUpdate(msgspec.Struct, rename="camel"):
    """Fields of a user to set. Null clears a field, an absent one is unchanged; `custom` merges key by key."""

    name: Name | UnsetType | None = UNSET
    email: Mailbox | Mailboxes | UnsetType | None = UNSET
    phone: str | list[str] | UnsetType | None = UNSET
    photo_url: Text = UNSET
    welcome_message: Text = UNSET
    locale: Text = UNSET
    time_zone: Annotated[str, Meta(description="An IANA time zone, such as Europe/Berlin.")] | UnsetType | None = UNSET
    role: Text = UNSET
    custom: dict[str, str | None] | UnsetType | None = UNSET
    push_tokens: dict[str, Any] | UnsetType | None = UNSET
    availability_text: Text = UNSET
    header_photo_url: Text = UNSET

    def columns(self) -> dict[str, Any]:
        """Given fields, by column. Invalid for a malformed email address or an unknown time zone."""
        given = {name: value for name in self.__struct_fields__ if (value := getattr(self, name)) is not UNSET}
        if given.get("name", "") is None:
            del given["name"]
        if self.time_zone not in TIME_ZONES | {UNSET, None}:
            raise Invalid({"timeZone": ["must be the name of a time zone, such as Europe/Berlin"]})
        if "email" in given:
            given["emails"] = [_mailbox(text) for text in _texts(given.pop("email"))] or None
        if "phone" in given:
            given["phones"] = _texts(given.pop("phone")) or None
        return given


def _texts(value: str | list[str] | None) -> list[str]:
    values = [value] if isinstance(value, str) else value or []
    return [text.strip() for text in values if text.strip()]


def _mailbox(text: str) -> str:
    try:
        found = validate_email(
            text, check_deliverability=False, globally_deliverable=False, allow_smtputf8=False, strict=True
        )
    except EmailNotValidError as error:
        raise Invalid({"email": [f"{text!r} is not an email address: {error}"]}) from None
    return found.ascii_email or found.normalized
