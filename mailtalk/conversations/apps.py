"""Apps: the tenants, with their credentials, settings and mail style."""

import re
import secrets
from collections.abc import Sequence
from copy import deepcopy
from hashlib import sha256
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mailtalk.conversations.users import assign
from mailtalk.errors import Invalid, NotFound
from mailtalk.keys import Keyring
from mailtalk.mail.composing import style_check
from mailtalk.models import App

SLOWEST = 900  # seconds, as in TalkJS
LIMIT_MOST = 1_000_000
STYLE_LIMIT = 300_000  # characters of all templates and texts together
PACE = ("quiet_seconds", "cap_seconds")


def create(session: Session, keyring: Keyring, name: str, app_id: str | None = None) -> tuple[str, str]:
    """Create an app; returns its id (made from the name, unless given) and its secret, which cannot be read later."""
    app_id = app_id or _id_of(name)
    secret = new_secret()
    row = insert(App).values(id=app_id, name=name, **_credential(keyring, app_id, secret))
    if session.scalar(row.on_conflict_do_nothing().returning(App.id)) is None:
        raise Invalid({"id": [f"there is an app {app_id!r} already"]})
    return app_id, secret


def ensure(  # noqa: PLR0913, PLR0917  an app is all of these
    session: Session, keyring: Keyring, app_id: str, name: str, secret: str, quiet_seconds: float | None = None
) -> None:
    """Create the app unless it exists, with a pace of its own (None: of the settings), and set its secret."""
    credential = _credential(keyring, app_id, secret)
    row = insert(App).values(id=app_id, name=name, quiet_seconds=quiet_seconds, **credential)
    session.execute(row.on_conflict_do_nothing(index_elements=["id"]))
    session.execute(update(App).where(App.id == app_id).values(**credential))


def rotate_secret(session: Session, keyring: Keyring, app_id: str, secret: str | None = None) -> str:
    """Set and return a new secret, which cannot be read later; API processes refuse the old one within seconds."""
    secret = secret or new_secret()
    _update(session, app_id, _credential(keyring, app_id, secret))
    return secret


def put(session: Session, app_id: str, fields: dict[str, Any]) -> None:
    """Set the given columns: name, participant_limit (None: no limit), default_version, sender_policy, and pace.

    An app without a pace of its own (None) has that of the settings; its frequency applies to participants whose own
    is DEFAULT. Invalid for a version that the API does not have.
    """
    wrong = {column: reason for column, value in fields.items() if (reason := _wrong(column, value))}
    if wrong:
        raise Invalid(wrong)
    _update(session, app_id, fields)


def merge(session: Session, app_id: str, fields: dict[str, Any]) -> None:
    """Set the given columns; `custom` merges key by key, None clears it."""
    row = session.get(App, app_id, with_for_update={"key_share": True})
    if row is None:
        raise _missing(app_id)
    assign(row, fields)


def listed(session: Session) -> Sequence[App]:
    """All apps, by id."""
    return session.scalars(select(App).order_by(App.id)).all()


def get(session: Session, app_id: str) -> App | None:
    """App by id; None if there is none."""
    return session.get(App, app_id)


def found(session: Session, app_id: str) -> App:
    """App by id; NotFound if there is none."""
    app = get(session, app_id)
    if app is None:
        raise _missing(app_id)
    return app


def put_style(session: Session, app_id: str, raw: dict[str, Any]) -> None:
    """Replace the style of the app's mails; Invalid names each problem."""
    style_check.checked(raw)
    if len(str(raw)) > STYLE_LIMIT:
        raise Invalid({"templates": [f"must have at most {STYLE_LIMIT} characters in all"]})
    found(session, app_id).style = raw


def style(session: Session, app_id: str) -> dict[str, Any]:
    """Copy of the style of the app's mails, as it was put."""
    return deepcopy(found(session, app_id).style)


def new_secret() -> str:
    """A new random secret."""
    return f"sk_{secrets.token_urlsafe(32)}"


def by_secret(session: Session, secret: str) -> App | None:
    """App by its secret; None if there is none."""
    return session.scalar(select(App).where(App.secret_hash == _hash(secret)))


def secret_of(app: App, keyring: Keyring) -> str:
    """Decrypted secret of the app, to verify the signature of a JWT."""
    return keyring.unseal(app.secret_sealed, about=f"app/{app.id}").decode()


def _update(session: Session, app_id: str, values: dict[str, Any]) -> None:
    row = update(App).where(App.id == app_id).values(**values).returning(App.id)
    if session.scalar(row) is None:
        raise _missing(app_id)


def _missing(app_id: str) -> NotFound:
    return NotFound([f"no app {app_id!r}; see: mailtalk app list"])


def _wrong(column: str, value: Any) -> list[str] | None:
    if column == "name" and not value.strip():
        return ["must not be empty"]
    if column == "participant_limit" and value is not None and not 1 <= value <= LIMIT_MOST:
        return [f"must be from 1 to {LIMIT_MOST}, or none"]
    if column in PACE and value is not None and not 0 <= value <= SLOWEST:
        return [f"must be from 0 to {SLOWEST} seconds, or default"]
    return None


def _credential(keyring: Keyring, app_id: str, secret: str) -> dict[str, bytes]:
    return {"secret_hash": _hash(secret), "secret_sealed": keyring.seal(secret.encode(), about=f"app/{app_id}")}


def _hash(secret: str) -> bytes:
    return sha256(secret.encode()).digest()


def _id_of(name: str) -> str:
    stem = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40]
    if not stem:
        raise Invalid({"name": ["has no letter or digit to make an id of; give one with --id"]})
    return stem
