"""Rate limits: 429 with Retry-After, for one app or host and nobody else, over all processes by the broker."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager

import httpx
import jwt
import pytest
from support.cast import Cast
from support.servers import free_port, serving
from support.waiting import until

from api import rate_limits
from api.rate_limits import RateLimits
from mailtalk.errors import TooMany
from mailtalk.keys import Keyring
from mailtalk.settings.load import Settings

WRONG = "x" * 40


@pytest.fixture(autouse=True)
def _no_minute_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that begins late in a minute would see its counts start anew."""
    monkeypatch.setattr(rate_limits, "MINUTE", 3_600)


@contextmanager
def limited(settings: Settings, **limits: int) -> Iterator[str]:
    with serving(settings.model_copy(update={"api_port": free_port(), **limits})) as url:
        yield url


def client(cast: Cast, url: str, credential: str = "") -> httpx.Client:
    headers = {"Authorization": f"Bearer {credential or cast.secret}"}
    return httpx.Client(base_url=f"{url}/v1/{cast.app_id}", headers=headers, timeout=30)


def statuses(http: httpx.Client, count: int) -> list[int]:
    return [http.get("/users/alice").status_code for _ in range(count)]


def test_an_app_over_its_limit_is_refused_and_others_are_not(cast: Cast, keyring: Keyring, settings: Settings) -> None:
    other = Cast.introduce(cast.database, keyring, "Other")
    with (
        limited(settings, app_requests_per_minute=5) as url,
        client(cast, url) as http,
        client(other, url) as neighbour,
    ):
        assert statuses(http, 7) == [200] * 5 + [429] * 2
        refused = http.get("/users/alice")
        assert 0 < int(refused.headers["Retry-After"]) <= 3_600
        assert refused.json() == {
            "errorCode": "RATE_LIMITED",
            "reasons": ["more than 5 a minute (MAILTALK_APP_REQUESTS_PER_MINUTE); send it again later"],
        }
        assert statuses(neighbour, 5) == [200] * 5


def test_the_next_minute_counts_anew(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    rates = RateLimits(settings.model_copy(update={"app_requests_per_minute": 1}))
    rates.count("demo", "requests")
    with pytest.raises(TooMany):
        rates.count("demo", "requests")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3_600)
    rates.count("demo", "requests")


def test_all_processes_count_together(cast: Cast, settings: Settings, redis_url: str) -> None:
    with ExitStack() as ends:
        urls = [ends.enter_context(limited(settings, app_requests_per_minute=20)) for _ in range(2)]
        one, two = (ends.enter_context(client(cast, url)) for url in urls)
        assert statuses(one, 20) == [200] * 20
        assert statuses(two, 1) == [200]
        until(lambda: statuses(two, 1) == [429])


def test_without_the_broker_each_process_counts_alone(cast: Cast, settings: Settings) -> None:
    alone = settings.model_copy(update={"redis_url": type(settings.redis_url)("redis://127.0.0.1:1")})
    with limited(alone, app_requests_per_minute=3) as url, client(cast, url) as http:
        assert statuses(http, 5) == [200] * 3 + [429] * 2


def test_messages_and_joins_are_counted_one_by_one(cast: Cast, settings: Settings) -> None:
    cast.join("alice")
    limits = {"app_messages_per_minute": 3, "app_joins_per_minute": 2}
    with limited(settings, wait_seconds=0, **limits) as url, client(cast, url) as http:
        texts = [{"text": "x", "type": "UserMessage", "sender": "alice"}] * 2
        assert http.post("/conversations/hello/messages", json=texts).status_code == 200
        assert http.post("/conversations/hello/messages", json=texts).status_code == 200  # begun below the limit
        refused = http.post("/conversations/hello/messages", json=texts)
        assert (refused.status_code, refused.json()["errorCode"]) == (429, "RATE_LIMITED")
        actions = [{"id": i, "action": "join", "userId": user} for i, user in enumerate(("bob", "carol"))]
        assert http.post("/conversations/hello/participants", json={"actions": actions}).status_code in {200, 400}
        assert http.put("/conversations/hello/participants/dave", json={}).status_code == 429
        assert http.get("/users/alice").status_code == 200


def test_a_host_over_its_limit_is_refused_and_others_are_not(cast: Cast, settings: Settings) -> None:
    with limited(settings, host_requests_per_minute=4) as url:
        assert [httpx.get(f"{url}/healthz").status_code for _ in range(6)] == [200] * 4 + [429] * 2
        elsewhere = httpx.HTTPTransport(local_address="127.0.0.2")
        with httpx.Client(transport=elsewhere) as http:
            assert http.get(f"{url}/healthz").status_code == 200


def test_behind_a_proxy_the_clients_are_counted(cast: Cast, settings: Settings) -> None:
    proxied = settings.model_copy(update={"http_proxy_from": "127.0.0.1/32"})
    with limited(proxied, host_requests_per_minute=2) as url:
        got = [
            httpx.get(f"{url}/healthz", headers={"X-Forwarded-For": peer}).status_code
            for peer in (
                "192.0.2.1",
                "192.0.2.1",
                "192.0.2.1",
                "192.0.2.2",
                "no address",
                "2001:db8::1",
                "2001:db8::2",
                "2001:db8::3",
            )
        ]
    assert got == [200, 200, 429, 200, 200, 200, 200, 429]  # a /64 is one host


def test_wrong_credentials_are_slowed_down_and_right_ones_are_not(cast: Cast, settings: Settings) -> None:
    token = jwt.encode({"iss": cast.app_id, "tokenType": "app", "exp": time.time() + 60}, WRONG, "HS256")
    with limited(settings, host_wrong_credentials_per_minute=10) as url:
        began = time.monotonic()

        def guess(i: int) -> int:
            with client(cast, url, f"{WRONG}{i}" if i % 2 else f"{token[:-4]}{i:04}") as http:
                return http.get("/users/alice").status_code

        with ThreadPoolExecutor(12) as pool:
            got = list(pool.map(guess, range(60)))
            with client(cast, url) as http:
                assert http.get("/users/alice").status_code == 200
        assert got.count(401) == 10
        assert got.count(429) == 50
        assert time.monotonic() - began >= 1


def test_a_check_costs_little(settings: Settings) -> None:
    rates = RateLimits(
        settings.model_copy(update={"app_requests_per_minute": 10**8, "host_requests_per_minute": 10**8})
    )
    began = time.process_time()
    for _ in range(10_000):
        rates.count("demo", "requests")
        rates.count_host("192.0.2.1")
    assert (time.process_time() - began) / 10_000 < 20e-6


def test_off_means_off(cast: Cast, settings: Settings) -> None:
    off = dict.fromkeys(("app_requests_per_minute", "host_requests_per_minute", "host_wrong_credentials_per_minute"), 0)
    with limited(settings, **off) as url, closing(client(cast, url, WRONG)) as http:
        assert statuses(http, 100) == [401] * 100
