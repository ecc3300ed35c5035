"""Login by an OpenID Connect provider: authorization code with PKCE (OpenID Connect Core 1.0, RFC 7636)."""

import logging
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from datetime import timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import jwt
import msgspec
import urllib3
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from api.request import Services
from console import rendering
from console.login import LoginPages
from console.logins import ConsoleLogin
from console.requests import SEE_OTHER, Site, entry
from console.routing import ROOT
from mailtalk import clock, signed
from mailtalk.support import audit

START, CALLBACK = ROOT + "/oidc", ROOT + "/oidc/callback"
COOKIE = "mailtalk_console_oidc"
VALID = timedelta(minutes=10)
TIMEOUT = 10.0  # seconds
LARGEST = 200_000  # bytes of an answer of the provider
ALGORITHMS = ["RS256", "ES256", "PS256"]
FAILED = "The login at the provider failed. Try again; the log of the API says why."
UNKNOWN = "You are logged in at the provider, but may not use this console."

FAULTS = (jwt.PyJWTError, urllib3.exceptions.HTTPError, msgspec.MsgspecError, KeyError, ValueError)

log = logging.getLogger(__name__)
_http = urllib3.PoolManager(timeout=TIMEOUT, retries=False)


class Attempt(msgspec.Struct, frozen=True):
    """A login that has begun, in a cookie of its browser."""

    state: str
    nonce: str
    verifier: str
    until: int


class OidcPages:
    """The way to the provider, and back."""

    def __init__(self, site: Site, pages: LoginPages) -> None:
        self._site, self._pages, self._settings = site, pages, site.settings

    def routes(self) -> Sequence[Route]:
        """Routes, if a provider is set."""
        if self._settings.console_oidc_issuer is None:
            return []
        return [Route(START, self.start, methods=["GET"]), Route(CALLBACK, self.finish, methods=["GET"])]

    async def start(self, request: Request) -> Response:
        """Go to the provider."""
        until = int((clock.now() + VALID).timestamp())
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        attempt = Attempt(state, nonce, verifier, until)
        try:
            provider = await run_in_threadpool(self._provider)
        except FAULTS as error:
            return self._failed(request, error)
        challenge = urlsafe_b64encode(sha256(attempt.verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": self._settings.console_oidc_client_id,
            "redirect_uri": self._settings.base_url + CALLBACK,
            "scope": "openid email",
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        to = f"{provider['authorization_endpoint']}?{urlencode(query)}"
        response = RedirectResponse(to, SEE_OTHER, headers=rendering.GUARDS)
        sealed = signed.token(self._site.logins.keyring, signed.OIDC, msgspec.msgpack.encode(attempt))
        secure = self._settings.base_url.startswith("https:")
        response.set_cookie(COOKIE, sealed, max_age=600, path=START, secure=secure, httponly=True, samesite="lax")
        return response

    async def finish(self, request: Request) -> Response:
        """Come back from the provider with a code."""
        attempt = self._attempt(request)
        if attempt is None or request.query_params.get("state") != attempt.state:
            return self._pages.form(request, 403, FAILED)
        code = request.query_params.get("code", "")
        try:
            email = await run_in_threadpool(self._email, code, attempt)
        except FAULTS as error:
            return self._failed(request, error)
        login = self._site.logins.by_email(email, clock.now())
        services: Services = request.app.state.services
        await services.transact(lambda session: _record(session, request, login, email))
        response = self._pages.form(request, 403, UNKNOWN) if login is None else self._pages.entered(login, ROOT)
        response.delete_cookie(COOKIE, path=START)
        return response

    def _failed(self, request: Request, error: Exception) -> Response:
        log.warning("a login by OpenID Connect failed: %s", type(error).__name__)
        return self._pages.form(request, 403, FAILED)

    def _attempt(self, request: Request) -> Attempt | None:
        content = signed.read(self._site.logins.keyring, signed.OIDC, request.cookies.get(COOKIE, ""))
        attempt = msgspec.msgpack.decode(content, type=Attempt) if content else None
        return None if attempt is None or signed.has_expired(attempt.until, clock.now()) else attempt

    def _provider(self) -> Mapping[str, Any]:
        """The provider's metadata (OpenID Connect Discovery 1.0). ValueError if it is another issuer's."""
        issuer = str(self._settings.console_oidc_issuer)
        metadata = _json(_http.request("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration"))
        if metadata["issuer"] != issuer:
            raise ValueError("the metadata is of another issuer")
        return metadata

    def _email(self, code: str, attempt: Attempt) -> str:
        """Exchange the code for an ID token, and verify it; its email address, in lower case."""
        provider = self._provider()
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._settings.base_url + CALLBACK,
            "client_id": str(self._settings.console_oidc_client_id),
            "client_secret": self._settings.require("console_oidc_client_secret"),
            "code_verifier": attempt.verifier,
        }
        answer = _json(_http.request("POST", provider["token_endpoint"], fields=fields, encode_multipart=False))
        claims = self._claims(answer["id_token"], _json(_http.request("GET", provider["jwks_uri"])))
        if claims["nonce"] != attempt.nonce or claims.get("email_verified") is not True:
            raise ValueError("another login's nonce, or an address that is not verified")
        return str(claims["email"]).lower()

    def _claims(self, token: str, keys: Mapping[str, Any]) -> Mapping[str, Any]:
        key_id = jwt.get_unverified_header(token).get("kid")
        key = next((key for key in jwt.PyJWKSet.from_dict(dict(keys)).keys if key_id in {None, key.key_id}), None)
        if key is None:
            raise ValueError("signed by an unknown key")
        claims: Mapping[str, Any] = jwt.decode(
            token,
            key,
            algorithms=ALGORITHMS,
            audience=self._settings.console_oidc_client_id,
            issuer=self._settings.console_oidc_issuer,
            leeway=30,
            options={"require": ["exp", "iat", "iss", "aud", "sub", "nonce"]},
        )
        return claims


def _json(response: urllib3.BaseHTTPResponse) -> Mapping[str, Any]:
    """Object of an answer. ValueError for any other answer."""
    if response.status != 200 or len(response.data) > LARGEST:  # noqa: PLR2004  HTTP's OK
        raise ValueError(f"answered {response.status}")
    return msgspec.json.decode(response.data, type=dict[str, Any])


def _record(session: Session, request: Request, login: ConsoleLogin | None, email: str) -> None:
    action = "log in by OpenID Connect" if login else "fail to log in by OpenID Connect"
    audit.record(session, entry(request, login, action, None, {"email": email}))
