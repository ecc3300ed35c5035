"""Health: the process, and whether the whole can work."""

import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from support.cast import Cast
from support.servers import free_port, make_settings, serving, sweeping
from support.sql import rows
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


FAILING = """
    CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE 'could not extend file' USING ERRCODE = '53100'; END $$"""


def test_a_full_disk_makes_it_unready_and_is_told_in_one_line(
    cast: Cast, api: str, settings: Settings, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailtalk.db.outage.QUIET", 0.5)
    with sweeping(settings):
        until(lambda: ready(api)[0] == 200)
        rows(cast.database, FAILING)
        for table in ("write_probes", "users"):
            rows(cast.database, f"CREATE TRIGGER fail BEFORE INSERT OR UPDATE ON {table} EXECUTE FUNCTION fail()")
        until(lambda: ready(api)[0] == 503)
        status, state = ready(api)
        assert (status, state["database"], state["missing"]) == (503, "away", ["database", "worker"])
        assert state["reason"] == "the disk of PostgreSQL is full"
        with httpx.Client(headers={"Authorization": f"Bearer {cast.secret}"}, timeout=30) as http:
            for _ in range(50):
                answer = http.put(f"{api}/v1/{cast.app_id}/users/x", json={"name": "X"})
                assert (answer.status_code, answer.json()["errorCode"]) == (503, "UNAVAILABLE")
        for table in ("write_probes", "users"):
            rows(cast.database, f"DROP TRIGGER fail ON {table}")
        recovery = until(lambda: (state := ready(api)[1])["status"] == "ready" and state)
        assert (recovery["database"], recovery["worker"]) == ("ok", "ok")
        until(lambda: len(_told(caplog)) > 1)
    assert [line.partition(";")[0].partition(" after")[0] for line in _told(caplog)] == [
        "the disk of PostgreSQL is full", "PostgreSQL answers again"
    ]  # fmt: skip
    assert not [record for record in caplog.records if record.name == "api.errors"]


def _told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "mailtalk.db.outage"]


COUNTING = """
    CREATE TABLE counted (at timestamptz DEFAULT now());
    CREATE FUNCTION count_it() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO counted DEFAULT VALUES; RETURN NULL; END $$;
    CREATE TRIGGER counting AFTER INSERT OR UPDATE ON write_probes FOR EACH ROW EXECUTE FUNCTION count_it()"""


def test_probing_is_no_load(cast: Cast, api: str) -> None:
    rows(cast.database, COUNTING)
    began = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: ready(api), range(100)))
    probes = len(rows(cast.database, "SELECT at FROM counted"))
    assert 1 <= probes <= time.monotonic() - began + 2
