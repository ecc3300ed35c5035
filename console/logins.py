"""Logins: who is at the console, in a signed cookie; what ends one, and the token that its forms carry."""

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from hashlib import sha256

import msgspec
from pydantic import SecretStr
from sqlalchemy.orm import Session

from mailtalk import signed
from mailtalk.conversations import apps
from mailtalk.keys import Keyring
from mailtalk.models import App
from mailtalk.settings.load import Settings

COOKIE = "mailtalk_console"
PROOF_BYTES = 8
OPERATOR, READER = "operator", "reader"


class ConsoleRole(IntEnum):
    """Rights in the console, each with those before it."""

    READER = 1  # sees
    ADMIN = 2  # changes one app
    OPERATOR = 3  # changes all apps


class ConsoleLogin(msgspec.Struct, frozen=True):
    """A person at the console. `app_id` None: all apps. `proof` is of the credential, so that a new one ends it."""

    name: str
    role: ConsoleRole
    app_id: str | None
    proof: bytes
    until: int
    id: str


@dataclass(frozen=True, slots=True)
class Logins:
    """Maker and reader of logins, by the settings and the secret key of this installation."""

    settings: Settings
    keyring: Keyring

    def by_credential(self, session: Session, credential: str, now: datetime) -> ConsoleLogin | None:
        """Login by an operator's or a reader's password, or by an app's secret; None if it is none of them."""
        for name, password, role in self._passwords():
            if password and hmac.compare_digest(password.encode(), credential.encode()):
                return self._login(name, role, None, _proof(password.encode()), now)
        app = apps.by_secret(session, credential)
        return self._login(app.name, ConsoleRole.ADMIN, app.id, _proof(app.secret_hash), now) if app else None

    def by_link(self, now: datetime) -> ConsoleLogin:
        """Login of an operator by a link that was printed on the server."""
        return self._login(OPERATOR, ConsoleRole.OPERATOR, None, _proof(self.keyring.current.secret), now)

    def by_email(self, email: str, now: datetime) -> ConsoleLogin | None:
        """Login of an address that the OpenID Connect provider verified; None unless it is allowed."""
        role = self._role_of(email)
        secret = _text(self.settings.console_oidc_client_secret)
        return self._login(email, role, None, _proof(secret.encode()), now) if role and secret else None

    def seal(self, login: ConsoleLogin) -> str:
        """Value of the cookie."""
        return signed.token(self.keyring, signed.SESSION, msgspec.msgpack.encode(login))

    def read(self, cookie: str, now: datetime) -> ConsoleLogin | None:
        """Login of a cookie; None if it is not ours or has expired."""
        content = signed.read(self.keyring, signed.SESSION, cookie)
        login = msgspec.msgpack.decode(content, type=ConsoleLogin) if content else None
        return None if login is None or signed.has_expired(login.until, now) else login

    def holds(self, session: Session, login: ConsoleLogin) -> bool:
        """True unless the login's credential was changed since."""
        if login.app_id is not None:
            app = session.get(App, login.app_id)
            return app is not None and login.proof == _proof(app.secret_hash)
        if "@" in login.name:
            secret = _text(self.settings.console_oidc_client_secret)
            return (
                bool(secret) and login.proof == _proof(str(secret).encode()) and self._role_of(login.name) is login.role
            )
        credentials = [password.encode() for _, password, role in self._passwords() if password and role is login.role]
        if login.role is ConsoleRole.OPERATOR:
            credentials += [key.secret for key in self.keyring.keys]
        return login.proof in map(_proof, credentials)

    def form_token(self, login: ConsoleLogin) -> str:
        """Token that each form of this login carries, against requests that another site forges."""
        return signed.signature(self.keyring, signed.FORM, login.id)

    def verifies_form(self, login: ConsoleLogin, token: str) -> bool:
        """True if a form's token is this login's."""
        return signed.verifies(self.keyring, signed.FORM, login.id, token)

    def _role_of(self, email: str) -> ConsoleRole | None:
        allowed = (
            (ConsoleRole.OPERATOR, self.settings.console_oidc_operators),
            (ConsoleRole.READER, self.settings.console_oidc_readers),
        )
        names = {email, f"@{email.rpartition('@')[2]}"}
        return next((role for role, listed in allowed if names & set(_listed(listed))), None)

    def _passwords(self) -> tuple[tuple[str, str | None, ConsoleRole], ...]:
        return (
            (OPERATOR, _text(self.settings.console_password), ConsoleRole.OPERATOR),
            (READER, _text(self.settings.console_reader_password), ConsoleRole.READER),
        )

    def _login(self, name: str, role: ConsoleRole, app_id: str | None, proof: bytes, now: datetime) -> ConsoleLogin:
        until = now + timedelta(hours=self.settings.console_session_hours)
        return ConsoleLogin(name, role, app_id, proof, int(until.timestamp()), secrets.token_hex(16))


def _listed(text: str | None) -> list[str]:
    return [part.strip().lower() for part in (text or "").split(",") if part.strip()]


def _text(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None


def _proof(credential: bytes) -> bytes:
    return sha256(b"mailtalk-console" + credential).digest()[:PROOF_BYTES]
