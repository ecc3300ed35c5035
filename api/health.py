"""Health checks: this process, and its dependencies."""

import asyncio
import time
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy.orm import Session
from starlette.requests import Request

from api.request import Services
from api.routing import route
from api.waiting import Outcomes
from api.wire import Answer, reply
from mailtalk.db import probe, workers
from mailtalk.errors import Unavailable

TAG = "Operations"
PATIENCE = 5.0  # seconds
PROBE_PAUSE = 1.0  # seconds between two probes of a process


class Health(msgspec.Struct):
    """State of the process."""

    status: Literal["ok"]


class Readiness(msgspec.Struct, kw_only=True):
    """State of the process's dependencies."""

    status: Literal["ready", "unready"]
    database: Literal["ok", "away"]
    worker: Literal["ok", "away", "unknown"]
    broker: Literal["ok", "away"]
    missing: list[str] | UnsetType = UNSET
    reason: str | UnsetType = UNSET  # of the database's state


@route("GET", "/healthz", TAG, is_open=True)
async def is_alive(_request: Request) -> Answer[Health]:
    """Check that the process answers."""
    return reply(Health("ok"))


@route("GET", "/readyz", TAG, is_open=True)
async def is_ready(request: Request) -> Answer[Readiness]:
    """Check that the installation can work.

    503 while the database cannot be written, or no worker's heartbeat is fresh. The broker's state does not count.
    """
    outcomes: Outcomes = request.app.state.outcomes
    database: Probe = request.app.state.probe
    state = {"broker": "ok" if outcomes.hears else "away", **await database.state()}
    missing = [name for name in ("database", "worker") if state[name] != "ok"]
    readiness = Readiness(status="unready" if missing else "ready", **state, missing=missing or UNSET)
    return reply(readiness, 503 if missing else 200)


class Probe:
    """State of the database, learnt by a write at most once a second, however often it is asked for."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._running: asyncio.Task[dict[str, Any]] | None = None
        self._started_at = 0.0

    async def state(self) -> dict[str, Any]:
        """The state now, or up to a second ago."""
        if self._running is None or (self._running.done() and time.monotonic() >= self._started_at + PROBE_PAUSE):
            self._started_at = time.monotonic()
            self._running = asyncio.create_task(self._look())
        return await asyncio.shield(self._running)

    async def _look(self) -> dict[str, Any]:
        try:
            beats = await self._services.transact(_probed, PATIENCE)
        except Unavailable as error:
            return {"database": "away", "worker": "unknown", "reason": str(error)}
        worker = "away" if beats is None else "ok"
        if self._services.database.outage.is_on:  # other writes failed just now
            return {"database": "away", "worker": worker, "reason": "writes to the database fail"}
        return {"database": "ok", "worker": worker}


def _probed(session: Session) -> str | None:
    probe.write(session)
    return workers.beating(session)
