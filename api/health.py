"""Health: whether this process lives, and whether the whole can work."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from api.waiting import Outcomes
from api.wire import reply
from mailtalk.db import workers
from mailtalk.db.database import Database
from mailtalk.db.group_commit import in_time
from mailtalk.errors import Unavailable

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
        beats = await in_time(run_in_threadpool(_a_worker_beats, database), PATIENCE)
    except Unavailable:
        return {"database": "away", "worker": "unknown"}
    return {"database": "ok", "worker": "ok" if beats else "away"}


def _a_worker_beats(database: Database) -> bool:
    with database.transaction() as session:
        return workers.beating(session) is not None
