"""Apps: the tenants, and the credentials that decide which one a request belongs to."""

import re
import secrets
from hashlib import sha256

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mailtalk.errors import Invalid
from mailtalk.keys import Keyring
from mailtalk.models import App


def create(session: Session, keyring: Keyring, name: str, app_id: str | None = None) -> tuple[str, str]:
    """Make a new app; gives its id (from the name, unless given) and its secret, which is shown only now."""
    app_id = app_id or _id_of(name)
    secret = f"sk_{secrets.token_urlsafe(32)}"
    row = insert(App).values(id=app_id, name=name, **_credential(keyring, app_id, secret))
    if session.scalar(row.on_conflict_do_nothing().returning(App.id)) is None:
        raise Invalid({"id": [f"there is an app {app_id!r} already"]})
    return app_id, secret


def ensure(session: Session, keyring: Keyring, app_id: str, name: str, secret: str) -> None:
    """Make the app if it is missing, and give it this secret."""
    credential = _credential(keyring, app_id, secret)
    session.execute(
        insert(App).values(id=app_id, name=name, **credential).on_conflict_do_nothing(index_elements=["id"])
    )
    session.execute(update(App).where(App.id == app_id).values(**credential))


def get(session: Session, app_id: str) -> App | None:
    """The app of this id."""
    return session.get(App, app_id)


def by_secret(session: Session, secret: str) -> App | None:
    """The app whose secret this is."""
    return session.scalar(select(App).where(App.secret_hash == _hash(secret)))


def secret_of(app: App, keyring: Keyring) -> str:
    """The app's secret in clear, for checking the signature of a JWT."""
    return keyring.unseal(app.secret_sealed, about=f"app/{app.id}").decode()


def _credential(keyring: Keyring, app_id: str, secret: str) -> dict[str, bytes]:
    return {"secret_hash": _hash(secret), "secret_sealed": keyring.seal(secret.encode(), about=f"app/{app_id}")}


def _hash(secret: str) -> bytes:
    return sha256(secret.encode()).digest()


def _id_of(name: str) -> str:
    stem = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40]
    if not stem:
        raise Invalid({"name": ["has no letter or digit to make an id of; give one with --id"]})
    return stem
