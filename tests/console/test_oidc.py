"""Login by an OpenID Connect provider: who is allowed enters, and no token but the provider's own is believed."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from support.oidc_provider import CLIENT, SECRET, OidcProvider, oidc_provider
from support.servers import Copied, make_settings, serving

from cli.local.embedded import Valkey


@pytest.fixture
def provider() -> Iterator[OidcProvider]:
    with oidc_provider() as provider:
        yield provider


@pytest.fixture
def visitor(copied: Copied, valkey: Valkey, provider: OidcProvider) -> Iterator[httpx.Client]:
    with copied() as url:
        settings = make_settings(
            database_url=url,
            redis_url=valkey.url,
            console_oidc_issuer=provider.issuer,
            console_oidc_client_id=CLIENT,
            console_oidc_client_secret=SECRET,
            console_oidc_operators="ops@example.com",
            console_oidc_readers="@support.example.com",
        )
        with serving(settings) as api, httpx.Client(base_url=api, follow_redirects=True, timeout=60) as visitor:
            yield visitor


def test_an_operator_and_a_reader_enter(visitor: httpx.Client, provider: OidcProvider) -> None:
    assert 'href="/console/oidc"' in visitor.get("/console/login").text
    assert "ops@example.com" in visitor.get("/console/oidc").text
    visitor.cookies.clear()
    provider.claims["email"] = "Kim@Support.example.com"
    assert "kim@support.example.com (read-only)" in visitor.get("/console/oidc").text


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "mallory@example.com"},
        {"email": "ops@example.com.evil.example"},
        {"email": "ops@support.example.com@evil.example"},
        {"email_verified": False},
        {"email_verified": "true"},
        {"aud": "another-client"},
        {"iss": "https://evil.example"},
        {"nonce": "another"},
        {"exp": 1},
    ],
)
def test_nobody_else_does(visitor: httpx.Client, provider: OidcProvider, claims: dict[str, Any]) -> None:
    provider.claims |= claims
    assert visitor.get("/console/oidc").status_code == 403
    assert visitor.get("/console/apps").url.path == "/console/login"


def test_a_token_of_another_key_is_not_believed(visitor: httpx.Client, provider: OidcProvider) -> None:
    provider.published = rsa.generate_private_key(65537, 2048)
    assert visitor.get("/console/oidc").status_code == 403


def test_a_callback_that_this_browser_did_not_ask_for_logs_nobody_in(
    visitor: httpx.Client, provider: OidcProvider
) -> None:
    away = visitor.get("/console/oidc", follow_redirects=False).headers["location"]
    back = httpx.get(away).headers["location"]
    visitor.cookies.clear()
    assert visitor.get(back).status_code == 403
    assert visitor.get("/console/oidc/callback?code=a-code&state=").status_code == 403
    assert provider.requests
