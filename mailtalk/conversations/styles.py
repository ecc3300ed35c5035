"""Styles: how each app's mails look, checked before they are kept."""

from copy import deepcopy
from typing import Any

from sqlalchemy.orm import Session

from mailtalk.conversations import apps
from mailtalk.errors import Invalid
from mailtalk.mail.composing import style_check

LIMIT = 300_000  # characters of all templates and texts together


def put(session: Session, app_id: str, raw: dict[str, Any]) -> None:
    """Give the app this style and no other; Invalid names what is wrong with it."""
    style_check.checked(raw)
    if len(str(raw)) > LIMIT:
        raise Invalid({"templates": [f"must have at most {LIMIT} characters in all"]})
    apps.found(session, app_id).style = raw


def get(session: Session, app_id: str) -> dict[str, Any]:
    """The app's own style, as it was put."""
    return deepcopy(apps.found(session, app_id).style)
