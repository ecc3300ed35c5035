"""Photos of users in mails: fetched by the rules of webhooks, made small, kept, and shown by signed links alone."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any

import httpx
import pytest
from PIL import Image
from support.cast import Cast
from support.outbox import SENDER, Post, at
from support.servers import make_settings, serving
from support.sql import column, rows

from api.pages import photo
from mailtalk import clock
from mailtalk.conversations import erasure, users
from mailtalk.files import Links
from mailtalk.keys import Keyring
from mailtalk.notifications.builder import MailBuilder
from mailtalk.settings.load import Settings

KEPT = "SELECT url, content IS NOT NULL FROM photos"


@dataclass
class Host:
    """A host of pictures, with what it answers by path: status, headers and body."""

    url: str
    paths: list[str] = field(default_factory=list)
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)


@contextmanager
def hosting() -> Iterator[Host]:
    host: Host

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host.paths.append(self.path)
            status, headers, body = host.answers.get(self.path, (404, {}, b""))
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        host = Host(f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever).start()
        yield host
        server.shutdown()


@pytest.fixture
def host() -> Iterator[Host]:
    with hosting() as host:
        host.answers["/alice.png"] = (200, {"Content-Type": "image/png"}, picture())
        yield host


@pytest.fixture
def settings(database_url: str, redis_url: str) -> Settings:
    urls = {"database_url": database_url, "redis_url": redis_url}
    return make_settings(**urls, photos=True, webhook_allow_private="127.0.0.0/8")


@pytest.fixture
def links(api: str, keyring: Keyring) -> Links:
    return Links(keyring, api, 60, photos=True)


def picture(width: int = 900, height: int = 600) -> bytes:
    out = BytesIO()
    Image.new("RGB", (width, height), (200, 30, 30)).save(out, "PNG")
    return out.getvalue()


def has(cast: Cast, url: str | None) -> None:
    with cast.database.transaction() as session:
        users.put(session, cast.app_id, "alice", {"photo_url": url})


def got(links: Links, cast: Cast, user: str = "alice") -> httpx.Response:
    return httpx.get(links.photo(cast.app_id, user) or "")


def test_a_photo_is_a_small_square_that_is_fetched_once(links: Links, cast: Cast, host: Host) -> None:
    has(cast, f"{host.url}/alice.png")
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: got(links, cast), range(4)))
    assert [(each.status_code, each.headers["content-type"]) for each in answers] == [(200, "image/jpeg")] * 4
    assert Image.open(BytesIO(answers[0].content)).size == (160, 160)
    assert answers[0].headers["x-content-type-options"] == "nosniff"
    assert len(host.paths) <= photo.FETCHING
    rows(cast.database, "UPDATE photos SET fetched_at = fetched_at - interval '25 hours'")
    before = len(host.paths)
    assert got(links, cast).status_code == 200
    assert len(host.paths) == before + 1


def test_a_new_url_is_a_new_photo_and_none_is_404(links: Links, cast: Cast, host: Host) -> None:
    assert got(links, cast).status_code == 404
    has(cast, f"{host.url}/alice.png")
    assert got(links, cast).status_code == 200
    has(cast, f"{host.url}/none.png")
    assert got(links, cast).status_code == 404
    assert got(links, cast).status_code == 404
    assert host.paths == ["/alice.png", "/none.png"]  # a failure is kept, too
    has(cast, None)
    assert got(links, cast).status_code == 404


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/html", (200, {"Content-Type": "text/html"}, picture())),
        ("/script.svg", (200, {"Content-Type": "image/svg+xml"}, b"<svg onload='alert(1)'/>")),
        ("/broken.png", (200, {"Content-Type": "image/png"}, picture()[:100])),
        ("/huge.png", (200, {"Content-Type": "image/png"}, picture() + b"\0" * photo.LARGEST)),
        ("/moved.png", (302, {"Content-Type": "image/png", "Location": "/alice.png"}, b"")),
        ("/ended.png", (200, {"Content-Type": "image/png", "Content-Length": "99999"}, b"\x89PNG")),
    ],
)
def test_what_is_no_picture_is_never_served(
    links: Links, cast: Cast, host: Host, path: str, answer: tuple[int, dict[str, str], bytes]
) -> None:
    host.answers[path] = answer
    has(cast, f"{host.url}{path}")
    assert got(links, cast).status_code == 404
    assert host.paths == [path]
    assert [tuple(row) for row in rows(cast.database, KEPT)] == [(f"{host.url}{path}", False)]


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1/a.png", "https://[::1]/a.png", "file:///etc/passwd", "data:image/png,x"]
)
def test_the_internal_network_is_not_asked(links: Links, cast: Cast, url: str) -> None:
    has(cast, url)
    assert got(links, cast).status_code == 404


def test_a_link_is_of_one_user_and_made_by_us(links: Links, cast: Cast, host: Host) -> None:
    has(cast, f"{host.url}/alice.png")
    link = links.photo(cast.app_id, "alice") or ""
    for wrong in (link[:-3], link.replace("alice", "bob"), link.partition("?")[0], links.photo("other", "alice") or ""):
        assert httpx.get(wrong).status_code == 404
    assert host.paths == []


def test_without_the_setting_nothing_is_fetched(links: Links, cast: Cast, host: Host, settings: Settings) -> None:
    has(cast, f"{host.url}/alice.png")
    off = settings.model_copy(update={"photos": False, "api_port": 0})
    with serving(off) as api:
        assert httpx.get((links.photo(cast.app_id, "alice") or "").replace(links.base_url, api)).status_code == 404
    assert host.paths == []


@pytest.mark.parametrize("is_on", [True, False])
def test_a_mail_shows_photos_where_they_are_on(cast: Cast, keyring: Keyring, is_on: bool) -> None:
    cast.join("alice", "bob", "carol")
    has(cast, "https://pictures.example/secret-path.png")
    post = Post(cast, keyring)
    post.say("alice", "hi")
    post.say("carol", "ho")
    post.close(500)
    identity = replace(SENDER, photos=is_on)
    with cast.database.transaction() as session:
        MailBuilder(session, keyring, identity, at(500)).build()
    html = dict(post.mails())["bob"].get_payload(1).get_payload(decode=True).decode()  # type: ignore[union-attr]
    assert html.count('class="photo"') == is_on
    assert html.count('class="initial"') == 2 - is_on
    assert "secret-path" not in html


def test_a_photo_goes_with_its_user(links: Links, cast: Cast, host: Host) -> None:
    has(cast, f"{host.url}/alice.png")
    got(links, cast)
    assert column(cast.database, "SELECT count(*) FROM photos") == [1]
    with cast.database.transaction() as session:
        erasure.erase(session, clock.now(), cast.app_id, "alice")
    assert column(cast.database, "SELECT count(*) FROM photos") == [0]
