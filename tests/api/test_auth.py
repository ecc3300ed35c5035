"""Credentials: which ones are taken, and that the credential alone decides the app."""

import base64
import json
from typing import Any

import httpx
import jwt
import pytest
from support.cast import Cast
from support.servers import Stack

from mailtalk import clock

GOOD: dict[str, Any] = {"tokenType": "app", "iss": "demo", "exp": 600}  # times from now; `claims` makes them moments
FAR = GOOD | {"exp": 4_000_000_000}  # the same at every collection


@pytest.fixture(scope="module")
def cast(stack: Stack) -> Cast:
    return stack.introduce("Demo")


@pytest.fixture
def url(stack: Stack, cast: Cast) -> str:
    return f"{stack.api}/v1/{cast.app_id}/users/alice"


def claims(said: dict[str, Any]) -> dict[str, Any]:
    now = int(clock.now().timestamp())
    times = {key: now + value for key, value in said.items() if key in {"exp", "nbf", "iat"} and is_number(value)}
    return said | times


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and value != float("inf")


def signed(said: dict[str, Any], secret: str, algorithm: str | None = "HS256") -> str:
    return jwt.encode(claims(said), secret, algorithm)


def status(url: str, token: str, scheme: str = "Bearer") -> int:
    answer = httpx.get(url, headers={"Authorization": f"{scheme} {token}".encode()}, timeout=30)
    if answer.status_code != 200:
        assert answer.json().keys() == {"errorCode", "reasons"}
    return answer.status_code


def raw(header: object, claims: str, signature: str = "c2ln") -> str:
    parts = (json.dumps(header), claims)
    return ".".join([*(base64.urlsafe_b64encode(p.encode()).decode().rstrip("=") for p in parts), signature])


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_secret_itself_and_a_token_signed_with_it_are_taken(url: str, cast: Cast, scheme: str) -> None:
    assert status(url, cast.secret, scheme) == 200
    assert status(url, signed(GOOD, cast.secret), scheme) == 200


@pytest.mark.parametrize(
    "more",
    [{"aud": "x"}, {"sub": 7}, {"iat": 9999}, {"exp": -20}, {"exp": 600.5}, {"nbf": -5}],
)
def test_claims_that_do_not_matter(url: str, cast: Cast, more: dict[str, Any]) -> None:
    assert status(url, signed(GOOD | more, cast.secret)) == 200


@pytest.mark.parametrize(
    "said",
    [
        GOOD | {"exp": -31},
        GOOD | {"exp": None},
        GOOD | {"exp": "soon"},
        GOOD | {"exp": []},
        GOOD | {"exp": float("inf")},
        GOOD | {"nbf": 600},
        GOOD | {"nbf": float("inf")},
        {key: GOOD[key] for key in ("tokenType", "iss")},
        {key: GOOD[key] for key in ("tokenType", "exp")},
        {key: GOOD[key] for key in ("iss", "exp")},
        GOOD | {"tokenType": "user"},
        GOOD | {"tokenType": ["app"]},
        GOOD | {"iss": "other"},
        GOOD | {"iss": ["demo"]},
        GOOD | {"iss": "de\x00mo"},
        GOOD | {"iss": "\ud800"},
        {},
    ],
)
def test_a_token_that_is_signed_right_but_says_wrong_things(url: str, cast: Cast, said: dict[str, Any]) -> None:
    token = raw({"alg": "HS256", "typ": "JWT"}, json.dumps(claims(said)), "")
    signing = token.rpartition(".")[0]
    algorithm = jwt.get_algorithm_by_name("HS256")
    signature = algorithm.sign(signing.encode(), algorithm.prepare_key(cast.secret))
    assert status(url, f"{signing}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}") == 401


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_another_algorithm_is_refused(url: str, cast: Cast, algorithm: str) -> None:
    assert status(url, signed(GOOD, cast.secret.ljust(64, "x"), algorithm)) == 401


@pytest.mark.parametrize(
    "token",
    [
        jwt.encode(FAR, "w" * 43),
        raw({"alg": "none"}, json.dumps(FAR), ""),
        raw({"alg": "RS256"}, json.dumps(FAR)),
        raw({"alg": "HS256", "crit": ["x"]}, json.dumps(FAR)),
        raw({"alg": 7}, json.dumps(FAR)),
        raw([], json.dumps(FAR)),
        raw({"alg": "HS256"}, "[]"),
        raw({"alg": "HS256"}, "7"),
        raw({"alg": "HS256"}, '"iss"'),
        raw({"alg": "HS256"}, "[" * 20_000),
        raw({"alg": "HS256"}, '{"a":' * 4_000),
        raw({"alg": "HS256"}, '{"iss":' + "9" * 5000 + "}"),
        "..",
        "a.b.c",
        "é.é.é",
        "a b c",
        "x",
        "x" * 5_000,
    ],
    ids=lambda _token: "",  # some hold the time, and parallel runs must agree on the names
)
def test_what_is_no_token_of_this_app(url: str, token: str) -> None:
    assert status(url, token) == 401


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic dXNlcjpwYXNz", "Token x"])
def test_no_credential(url: str, header: str | None) -> None:
    answer = httpx.get(url, headers={} if header is None else {"Authorization": header}, timeout=30)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_another_apps_path_is_answered_as_one_that_does_not_exist(stack: Stack, http: httpx.Client) -> None:
    other = stack.introduce()
    answers = [
        (each.status_code, each.json())
        for app in (other.app_id, "nobody", "Demo")
        for each in [http.get(f"{stack.api}/v1/{app}/users/alice")]
    ]
    assert answers[0][0] == 404
    assert answers[0] == answers[1] == answers[2]


def test_a_token_of_another_app_opens_only_its_own(stack: Stack, cast: Cast, url: str) -> None:
    other = stack.introduce()
    token = signed(GOOD | {"iss": other.app_id}, other.secret)
    assert status(url, token) == 404
    assert status(f"{stack.api}/v1/{other.app_id}/users/alice", token) == 200
    assert status(url, signed(GOOD, other.secret)) == 401
    assert status(url, signed(GOOD | {"iss": other.app_id}, cast.secret)) == 401
