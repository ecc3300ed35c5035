"""Health checks: this process, and its dependencies."""

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType
from starlette.requests import Request

from api.request import Services
from api.routing import route
from api.waiting import Outcomes
from api.wire import Answer, reply
from mailtalk.db import workers
from mailtalk.errors import Unavailable

TAG = "Operations"
PATIENCE = 5.0  # seconds


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


@route("GET", "/healthz", TAG, is_open=True)
async def is_alive(_request: Request) -> Answer[Health]:
    """Check that the process answers."""
    return reply(Health("ok"))


@route("GET", "/readyz", TAG, is_open=True)
async def is_ready(request: Request) -> Answer[Readiness]:
    """Check that the installation can work.

    503 while the database is unreachable or no worker's heartbeat is fresh. The broker's state does not count.
    """
    state = await _state(request)
    missing = [name for name in ("database", "worker") if state[name] != "ok"]
    readiness = Readiness(status="unready" if missing else "ready", **state, missing=missing or UNSET)
    return reply(readiness, 503 if missing else 200)


async def _state(request: Request) -> dict[str, Any]:
    services: Services = request.app.state.services
    outcomes: Outcomes = request.app.state.outcomes
    broker = {"broker": "ok" if outcomes.hears else "away"}
    try:
        beats = await services.transact(workers.beating, PATIENCE)
    except Unavailable:
        return {"database": "away", "worker": "unknown", **broker}
    return {"database": "ok", "worker": "away" if beats is None else "ok", **broker}
