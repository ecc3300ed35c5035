"""Health: whether this process lives, and whether the whole can work."""

import asyncio

from sqlalchemy import text
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from api.outcomes import Outcomes
from api.wire import reply
from mailtalk.db import Database
from mailtalk.errors import Unavailable

FRESH = 10  # seconds
PATIENCE = 5.0  # seconds


async def live(_request: Request) -> Response:
    """GET /healthz: the process answers."""
    return reply({"status": "ok"})


async def ready(request: Request) -> Response:
    """GET /readyz: 200 when the database answers and a worker's heartbeat is fresh; the broker may be away."""
    database: Database = request.app.state.database
    outcomes: Outcomes = request.app.state.outcomes
    state = await _state(database) | {"broker": "ok" if outcomes.hears else "away"}
    missing = [name for name in ("database", "worker") if state[name] != "ok"]
    content = {"status": "unready" if missing else "ready", **state}
    return reply(content | ({"missing": missing} if missing else {}), 503 if missing else 200)


async def _state(database: Database) -> dict[str, str]:
    try:
        alive = await asyncio.wait_for(run_in_threadpool(worker_beats, database), PATIENCE)
    except (Unavailable, TimeoutError):
        return {"database": "away", "worker": "unknown"}
    return {"database": "ok", "worker": "ok" if alive else "away"}


def worker_beats(database: Database) -> bool:
    """Whether any worker's heartbeat is fresh."""
    with database.transaction() as session:
        fresh = text("SELECT EXISTS (SELECT 1 FROM workers WHERE beat_at > now() - make_interval(secs => :fresh))")
        return bool(session.scalar(fresh, {"fresh": FRESH}))
