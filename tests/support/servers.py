"""The processes of Mailtalk as threads of a test, behind real sockets."""

import asyncio
import faulthandler
import os
import secrets
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn
import uvloop
from celery.contrib.testing.worker import start_worker
from starlette.types import ASGIApp
from support.cast import Cast
from support.command_line import MAILTALK

from api.server import listen
from api.server import server as make_server
from console import site
from mailtalk.db.database import Database
from mailtalk.keys import Keyring
from mailtalk.settings.load import Settings
from smtp_bridge.server import listening
from smtp_bridge.tls import Certificate
from worker.server import WorkerServer

Copied = Callable[[], AbstractContextManager[str]]  # gives the URL of a new database


@dataclass(frozen=True)
class Stack:
    """What runs: the API's base URL, the settings, and the database."""

    api: str
    settings: Settings
    database: Database

    def introduce(self, name: str | None = None) -> Cast:
        """A new app with the cast in it."""
        keyring = Keyring.from_setting(self.settings.require("secret_key"))
        return Cast.introduce(self.database, keyring, name or f"app-{secrets.token_hex(6)}")

    def client(self, cast: Cast, api: str | None = None) -> httpx.Client:
        """A client with the app's credential."""
        headers = {"Authorization": f"Bearer {cast.secret}"}
        return httpx.Client(base_url=f"{api or self.api}/v1/{cast.app_id}", headers=headers, timeout=60)


def make_settings(**values: Any) -> Settings:
    pace = {"quiet_seconds": 0.2, "cap_seconds": 2}
    unlimited = {"recipient_mails_per_hour": 0, "host_wrong_credentials_per_minute": 0}
    ports = {"api_port": free_port(), "smtp_port": free_port()}
    return Settings(secret_key="k" * 32, **{**pace, **unlimited, **ports, **values})


@contextmanager
def serving(settings: Settings) -> Iterator[str]:
    with _serving(make_server(settings, site.routes(settings)), listen(settings)) as url:
        yield url


@contextmanager
def serving_app(app: ASGIApp) -> Iterator[str]:
    """An application by itself, at a free port."""
    server = uvicorn.Server(uvicorn.Config(app, log_config=None))
    with _serving(server, socket.create_server(("127.0.0.1", 0))) as url:
        yield url


@contextmanager
def _serving(server: uvicorn.Server, listener: socket.socket) -> Iterator[str]:
    host, port = listener.getsockname()[:2]
    with _thread(lambda: server.run([listener])):
        try:
            yield f"http://{host}:{port}"
        finally:
            server.should_exit = True


@contextmanager
def working(settings: Settings) -> Iterator[WorkerServer]:
    worker = WorkerServer(settings)
    worker.start()
    try:
        with start_worker(worker.celery, pool="threads", concurrency=2, perform_ping_check=False, loglevel="WARNING"):
            yield worker
    finally:
        worker.stop()


@contextmanager
def worker_process(settings: Settings, directory: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """`mailtalk worker` as it is run in earnest; it is killed at the end. One process holds one Celery worker only."""
    names = ("database_url", "redis_url", "secret_key")
    own = {f"MAILTALK_{name.upper()}": settings.require(name) for name in names}
    own["MAILTALK_WEBHOOK_ALLOW_PRIVATE"] = "127.0.0.0/8"
    if settings.relay_url:
        own["MAILTALK_RELAY_URL"] = settings.relay_url.get_secret_value()
        own["MAILTALK_RELAY_CONNECTIONS"] = str(settings.relay_connections)
    with (directory / "log").open("ab") as log:
        worker = subprocess.Popen([sys.executable, MAILTALK, "worker"], env=os.environ | own, stderr=log)
    try:
        yield worker
    finally:
        worker.kill()
        worker.wait()


@contextmanager
def sweeping(settings: Settings) -> Iterator[WorkerServer]:
    """A worker whose Celery does not run: only its sweeps look."""
    worker = WorkerServer(settings)
    worker.start()
    try:
        yield worker
    finally:
        worker.stop()


@contextmanager
def bridging(settings: Settings) -> Iterator[tuple[str, int]]:
    loop, stop = uvloop.new_event_loop(), asyncio.Event()

    async def listen() -> None:
        async with listening(settings, Certificate.of(settings)):
            await stop.wait()

    with closing(loop), _thread(lambda: loop.run_until_complete(listen())):
        _await_port(settings.smtp_host, settings.smtp_port)
        try:
            yield settings.smtp_host, settings.smtp_port
        finally:
            loop.call_soon_threadsafe(stop.set)


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port: int = server.getsockname()[1]
        return port


@contextmanager
def _thread(target: Callable[[], Any]) -> Iterator[None]:
    thread = threading.Thread(target=target)
    thread.start()
    try:
        yield
    finally:
        thread.join(20)
        if thread.is_alive():
            faulthandler.dump_traceback()  # says what it waits for
        assert not thread.is_alive()


def _await_port(host: str, port: int) -> None:
    for _ in range(600):
        try:
            socket.create_connection((host, port), timeout=5).close()
        except ConnectionRefusedError:
            threading.Event().wait(0.05)
        else:
            return
    raise AssertionError(f"nothing listens on {host}:{port}")
