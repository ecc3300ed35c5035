"""Authentication by bearer token: a JWT signed with an app's secret, or the secret itself, determines the app."""

import time
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import jwt
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from mailtalk.conversations import apps
from mailtalk.db.database import Database
from mailtalk.db.group_commit import in_time
from mailtalk.errors import Unauthorized
from mailtalk.keys import Keyring
from mailtalk.models import App

LEEWAY = 30  # seconds
REMEMBERED = 2.0  # seconds for which a verified credential is cached
MOST = 10_000
# exp is required explicitly: by default PyJWT accepts a token without it.
RULES: Any = {"require": ["exp", "iss"], "verify_aud": False, "verify_sub": False, "verify_iat": False}


@dataclass(frozen=True, slots=True)
class Tenant:
    """App of a request."""

    id: str
    default_version: str


class Credentials:
    """Authenticator: finds the app of a credential; raises Unauthorized if there is none."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database, self._keyring = database, keyring
        self._known: dict[bytes, tuple[Tenant, float]] = {}

    async def tenant(self, authorization: str | None) -> Tenant:
        """Authenticate an Authorization header."""
        token = _bearer(authorization)
        tenant = self.known(authorization)
        if tenant is None:
            tenant = await in_time(run_in_threadpool(self._look_up, token))
            self._remember(_digest(token), tenant)
        return tenant

    def known(self, authorization: str | None) -> Tenant | None:
        """App of a credential that was verified a moment ago; None for any other."""
        try:
            digest = _digest(_bearer(authorization))
        except Unauthorized:
            return None
        tenant, until = self._known.get(digest, (None, 0.0))
        return tenant if until >= time.monotonic() else None

    def _remember(self, digest: bytes, tenant: Tenant) -> None:
        if len(self._known) >= MOST:
            self._known.clear()
        self._known[digest] = (tenant, time.monotonic() + REMEMBERED)

    def _look_up(self, token: str) -> Tenant:
        with self._database.transaction() as session:
            app = apps.by_secret(session, token) or self._by_jwt(session, token)
            if app is None:
                raise Unauthorized(["the credential is not known"])
            return Tenant(app.id, app.default_version)

    def _by_jwt(self, session: Session, token: str) -> App | None:
        try:
            issuer = jwt.decode(token, options={"verify_signature": False}).get("iss")
            app = apps.get(session, issuer) if isinstance(issuer, str) and issuer.isprintable() else None
            if app is not None:
                _check(token, app, apps.secret_of(app, self._keyring))
        except jwt.InvalidTokenError as error:
            raise Unauthorized([f"the token is not valid: {_why(error)}"]) from None
        return app


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogateescape")).digest()


def _bearer(authorization: str | None) -> str:
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthorized(["send the header Authorization: Bearer <token or secret>"])
    return token.strip()


def _check(token: str, app: App, secret: str) -> None:
    claims = jwt.decode(token, secret, algorithms=["HS256"], issuer=app.id, leeway=LEEWAY, options=RULES)
    if claims.get("tokenType") != "app":
        raise jwt.InvalidTokenError


def _why(error: jwt.InvalidTokenError) -> str:
    if isinstance(error, jwt.ExpiredSignatureError):
        return "it has expired"
    if isinstance(error, jwt.MissingRequiredClaimError):
        return f"it has no {error.claim}"
    return "its signature, issuer or tokenType is not this app's"
