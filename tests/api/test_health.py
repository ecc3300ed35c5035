"""Health: the process, and whether the whole can work."""

import httpx
from support.cast import Cast
from support.servers import free_port, make_settings, serving, sweeping
from support.waiting import until

from mailtalk.settings.load import Settings


def ready(url: str) -> tuple[int, dict[str, object]]:
    answer = httpx.get(f"{url}/readyz", timeout=30)
    return answer.status_code, answer.json()


def test_the_process_answers_without_anything_behind_it() -> None:
    settings = make_settings(database_url="postgresql://127.0.0.1:1/none", redis_url="redis://127.0.0.1:1")
    with serving(settings) as url:
        answer = httpx.get(f"{url}/healthz", timeout=30)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
        status, state = ready(url)
        assert status == 503
        assert "database" in str(state["missing"])


def test_it_is_unready_without_a_worker_and_ready_with_one(cast: Cast, api: str, settings: Settings) -> None:
    status, state = ready(api)
    assert (status, state["missing"]) == (503, ["worker"])
    with sweeping(settings):
        until(lambda: ready(api)[0] == 200)
        until(lambda: ready(api)[1]["broker"] == "ok")
    until(lambda: ready(api)[0] == 503)


def test_a_broker_that_is_away_is_shown_and_does_not_make_it_unready(cast: Cast, database_url: str) -> None:
    settings = make_settings(database_url=database_url, redis_url=f"redis://127.0.0.1:{free_port()}")
    with serving(settings) as url, sweeping(settings):
        status, state = until(lambda: (answer := ready(url))[0] == 200 and answer)
        assert (status, state["broker"], state["status"]) == (200, "away", "ready")
