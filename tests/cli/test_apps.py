import json
import re
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import event
from support.cast import Cast
from support.command_line import Command, command
from support.servers import make_settings, serving

from api import auth
from mailtalk.conversations import apps, conversations
from mailtalk.db.database import Database
from mailtalk.keys import Keyring
from mailtalk.models import App
from mailtalk.notifications.windows import Pace
from mailtalk.participation.rules import Request
from mailtalk.vocabulary import ChangeKind

SLOW = Pace(timedelta(seconds=30), timedelta(seconds=900))


@pytest.fixture
def mailtalk(database_url: str, tmp_path: Path) -> Command:
    return command(database_url, tmp_path)


def app_of(database: Database, app_id: str) -> App:
    with database.transaction() as session:
        return apps.found(session, app_id)


def listed(mailtalk: Command) -> dict[str, Any]:
    return {app["id"]: app for app in json.loads(mailtalk("app", "list", "--json").stdout)}


def test_help_teaches(mailtalk: Command) -> None:
    told = mailtalk("app", "--help").stdout
    for example in ("app create", "app list", "app set my-app --limit 500", "app rotate-secret my-app"):
        assert example in told


def test_list_says_how_to_make_the_first_one(mailtalk: Command) -> None:
    assert "mailtalk app create" in mailtalk("app", "list").stdout


def test_list_shows_apps_and_never_their_secrets(mailtalk: Command) -> None:
    secrets = [mailtalk("app", "create", name).stdout.split()[3] for name in ("One", "Two")]
    table = mailtalk("app", "list").stdout
    assert table.splitlines()[0].split() == [
        "ID",
        "NAME",
        "LIMIT",
        "VERSION",
        "QUIET",
        "CAP",
        "FREQUENCY",
        "SENDERS",
        "CREATED",
    ]
    assert table.splitlines()[1].split()[:7] == ["one", "One", "100", "2024-01-01", *["default"] * 3]
    assert [app["name"] for app in listed(mailtalk).values()] == ["One", "Two"]
    assert not any(secret in table + mailtalk("app", "list", "--json").stdout for secret in secrets)


def test_set_changes_what_is_named_and_nothing_else(mailtalk: Command, cast: Cast) -> None:
    mailtalk("app", "set", "demo", "--limit", "7", "--quiet", "60.5", "--default-version", "2021-02-09")
    assert {"name": "Demo", "participantLimit": 7, "quietSeconds": 60.5, "capSeconds": None}.items() <= listed(
        mailtalk
    )["demo"].items()
    mailtalk("app", "set", "demo", "--limit", "none", "--quiet", "default", "--name", "New", "--cap", "0")
    assert {"name": "New", "participantLimit": None, "quietSeconds": None, "capSeconds": 0}.items() <= listed(mailtalk)[
        "demo"
    ].items()
    assert listed(mailtalk)["demo"]["defaultVersion"] == "2021-02-09"
    assert listed(mailtalk)["demo"]["frequency"] == "default"
    mailtalk("app", "set", "demo", "--frequency", "daily")
    assert listed(mailtalk)["demo"]["frequency"] == "daily"


def test_the_limit_that_was_set_holds(mailtalk: Command, cast: Cast) -> None:
    mailtalk("app", "set", "demo", "--limit", "1")
    cast.join("alice")
    assert cast.change("bob", Request(ChangeKind.JOIN)) == "PARTICIPANT_LIMIT"


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--limit", "0"),
        ("--limit", "many"),
        ("--quiet", "901"),
        ("--cap", "-1"),
        ("--default-version", "2020-01-01"),
        ("--frequency", "weekly"),
    ],
)
def test_a_wrong_value_is_exit_2_and_names_the_option(mailtalk: Command, option: str, value: str) -> None:
    assert option in mailtalk("app", "set", "demo", option, value, code=2).stderr


def test_set_without_anything_says_what_can_be_set(mailtalk: Command) -> None:
    assert "--default-version" in mailtalk("app", "set", "demo", code=2).stderr


@pytest.mark.parametrize("command", [("set", "nobody", "--limit", "3"), ("rotate-secret", "nobody")])
def test_an_unknown_app_is_exit_1_and_says_where_to_look(mailtalk: Command, command: tuple[str, ...]) -> None:
    assert "no app 'nobody'; see: mailtalk app list" in mailtalk("app", *command, code=1).stderr


def test_a_database_without_tables_says_migrate(mailtalk: Command, database: Database) -> None:
    with database.transaction() as session:
        session.connection().exec_driver_sql("ALTER TABLE apps RENAME TO former")
    assert "mailtalk migrate" in mailtalk("app", "list", code=1).stderr


def test_a_rotated_secret_is_refused_within_seconds_and_the_new_one_works(
    mailtalk: Command, cast: Cast, database_url: str, redis_url: str
) -> None:
    with serving(make_settings(database_url=database_url, redis_url=redis_url)) as url:

        def status(secret: str) -> int:
            return httpx.get(f"{url}/v1/demo/users/alice", headers={"Authorization": f"Bearer {secret}"}).status_code

        assert status(cast.secret) == 200
        new = mailtalk("app", "rotate-secret", "demo").stdout.split()[1]
        assert status(new) == 200
        threading.Event().wait(auth.REMEMBERED)
        assert status(cast.secret) == 401


def test_rotating_the_app_of_mailtalk_up_outlives_its_next_start(
    mailtalk: Command, cast: Cast, tmp_path: Path, database: Database, keyring: Keyring
) -> None:
    kept = tmp_path / "app_secret"
    kept.write_text("old")
    new = mailtalk("app", "rotate-secret", "demo").stdout.split()[1]
    assert kept.read_text().strip() == new == apps.secret_of(app_of(database, "demo"), keyring)


def test_a_secret_from_the_environment_is_rotated_there(mailtalk: Command, cast: Cast) -> None:
    refused = mailtalk("app", "rotate-secret", "demo", code=1, MAILTALK_APP_SECRET="s" * 40)
    assert "MAILTALK_APP_SECRET" in refused.stderr


def due_in(cast: Cast) -> timedelta:
    with cast.database.transaction() as session:
        row = conversations.get(session, cast.key)
        assert row.window_opened_at is not None
        assert row.window_due_at is not None
        return row.window_due_at - row.window_opened_at


def test_the_apps_own_pace_wins_over_the_settings(mailtalk: Command, cast: Cast) -> None:
    cast.join("alice", "bob")
    mailtalk("app", "set", "demo", "--quiet", "2.5")
    cast.say("alice", "Hi", pace=SLOW)
    assert due_in(cast) == timedelta(seconds=2.5)
    mailtalk("app", "set", "demo", "--cap", "1")
    cast.say("alice", "again", pace=SLOW)
    assert due_in(cast) == timedelta(seconds=1)


def test_without_a_pace_of_its_own_the_settings_count(mailtalk: Command, cast: Cast) -> None:
    cast.join("alice", "bob")
    cast.say("alice", "Hi", pace=SLOW)
    assert due_in(cast) == SLOW.quiet
    time.sleep(0.01)
    cast.say("alice", "again", pace=Pace(timedelta(hours=1), timedelta(seconds=900)))
    assert due_in(cast) == SLOW.cap


def test_the_pace_costs_no_query(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    cast.join("alice", "bob")
    said: list[str] = []
    event.listen(cast.database.engine, "before_cursor_execute", lambda _c, _k, sql, *_: said.append(sql))
    cast.say("alice", "Hi")
    of_apps = [sql.strip() for sql in said if re.search(r"\b(FROM|JOIN) apps\b", sql)]
    assert len(of_apps) == 2
    written = re.compile(r"^(UPDATE conversations|INSERT INTO notifications)\b", re.MULTILINE)
    assert all(map(written.search, of_apps))
