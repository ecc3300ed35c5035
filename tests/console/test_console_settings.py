"""Apps, their settings and their webhooks, changed in the console by the verbs of the command line and the API."""

import re

import httpx
import pytest
from support.cast import Cast
from support.servers import Stack
from support.sql import column, rows

from tests.console.conftest import OPERATOR, READER, enter, token

SET = "SELECT name, participant_limit, quiet_seconds, cap_seconds, frequency, sender_policy FROM apps WHERE id = :app"
FORM = {
    "name": "Observatory",
    "participant_limit": "",
    "quiet_seconds": "12.5",
    "cap_seconds": "",
    "frequency": "daily",
    "sender_policy": "match",
    "default_version": "2024-01-01",
}
AUDIT = "SELECT action FROM audit_entries WHERE app_id = :app ORDER BY id"
HOOK = "SELECT url, events, ordered, status FROM webhooks WHERE app_id = :app"
APP_SECRET, HOOK_SECRET = re.compile(r"sk_[\w-]{43}"), re.compile(r"whsec_[\w+/=]+")


def post(program: httpx.Client, path: str, page: str = "", **fields: str) -> httpx.Response:
    """Send a form with the token of a page, by default of the form's own path."""
    return program.post(path, data={"form_token": token(program.get(page or path).text), **fields})


def secret_in(pattern: re.Pattern[str], page: httpx.Response) -> str:
    match = pattern.search(page.text)
    assert match
    assert page.headers["cache-control"] == "no-store"
    return match[0]


def test_settings_of_an_app_are_changed(program: httpx.Client, cast: Cast) -> None:
    enter(program, cast.secret)
    path = f"/console/apps/{cast.app_id}/settings"
    assert post(program, path, **FORM).headers["location"] == f"{path}?said=done"
    assert tuple(rows(cast.database, SET, app=cast.app_id)[0]) == ("Observatory", None, 12.5, None, "daily", "match")
    assert 'value="12.5"' in program.get(path).text
    assert column(cast.database, AUDIT, app=cast.app_id)[-1] == "change the app"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", " "),
        ("name", "x" * 201),
        ("participant_limit", "0"),
        ("participant_limit", "many"),
        ("quiet_seconds", "nan"),
        ("quiet_seconds", "1e9"),
        ("cap_seconds", "-1"),
        ("frequency", "weekly"),
        ("sender_policy", "\0"),
        ("default_version", "1999-01-01"),
    ],
)
def test_a_wrong_setting_is_named_and_nothing_is_changed(
    program: httpx.Client, cast: Cast, field: str, value: str
) -> None:
    enter(program, cast.secret)
    before = rows(cast.database, SET, app=cast.app_id)
    answer = post(program, f"/console/apps/{cast.app_id}/settings", **FORM | {field: value})
    assert (answer.status_code, f"<b>{field}</b>" in answer.text) == (400, True)
    assert rows(cast.database, SET, app=cast.app_id) == before


def test_an_operator_makes_an_app_whose_secret_is_shown_once(program: httpx.Client, stack: Stack) -> None:
    enter(program, OPERATOR)
    secret = secret_in(APP_SECRET, post(program, "/console/apps", name="Lighthouse", id="light-house"))
    with httpx.Client(base_url=stack.api, headers={"Authorization": f"Bearer {secret}"}) as backend:
        assert backend.get("/v1/light-house").json()["name"] == "Lighthouse"
    settings = "/console/apps/light-house/settings"
    assert secret not in program.get(settings).text
    assert secret_in(APP_SECRET, post(program, f"{settings}/secret", settings)) != secret
    assert column(stack.database, AUDIT, app="light-house") == ["replace the app's secret"]
    answer = post(program, "/console/apps", name="Lighthouse", id="light-house")
    assert (answer.status_code, "there is an app" in answer.text) == (400, True)


def test_only_operators_make_apps_and_readers_change_nothing(program: httpx.Client, cast: Cast) -> None:
    settings, hooks = (f"/console/apps/{cast.app_id}/{name}" for name in ("settings", "webhooks"))
    enter(program, cast.secret)
    assert post(program, "/console/apps", settings, name="Mine").status_code == 403
    assert post(program, f"{settings}/secret", settings).status_code == 403
    enter(program, READER)
    assert "<button>Save" not in program.get(settings).text
    assert post(program, settings, **FORM).status_code == 403
    assert post(program, hooks, id="main", url="https://hooks.example/x").status_code == 403


def test_a_webhook_is_made_changed_and_deleted(program: httpx.Client, cast: Cast) -> None:
    enter(program, cast.secret)
    hooks = f"/console/apps/{cast.app_id}/webhooks"
    secret = secret_in(HOOK_SECRET, post(program, hooks, id="main", url="https://hooks.example/x"))
    assert tuple(rows(cast.database, HOOK, app=cast.app_id)[0]) == ("https://hooks.example/x", None, False, "active")
    fields = {"id": "main", "url": "https://hooks.example/y", "event:message.sent": "on", "ordered": "on"}
    assert post(program, hooks, f"{hooks}/main", **fields).headers["location"] == f"{hooks}/main?said=done"
    row = tuple(rows(cast.database, HOOK, app=cast.app_id)[0])
    assert row == ("https://hooks.example/y", ["message.sent"], True, "active")
    assert secret_in(HOOK_SECRET, post(program, f"{hooks}/main/secret", f"{hooks}/main")) != secret
    assert post(program, f"{hooks}/main/delete", f"{hooks}/main").status_code == 303
    assert rows(cast.database, HOOK, app=cast.app_id) == []
    actions = column(cast.database, AUDIT, app=cast.app_id)
    assert actions[-4:] == ["put a webhook", "put a webhook", "replace a webhook's secret", "delete a webhook"]


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"id": "a b", "url": "https://hooks.example"}, "id"),
        ({"id": "main", "url": "http://127.0.0.1/x"}, "url"),
        ({"id": "main", "url": "https://hooks.example", "event:nonsense": "on"}, "events"),
    ],
)
def test_a_wrong_webhook_is_refused(program: httpx.Client, cast: Cast, fields: dict[str, str], wrong: str) -> None:
    enter(program, cast.secret)
    answer = post(program, f"/console/apps/{cast.app_id}/webhooks", **fields)
    assert (answer.status_code, f"<b>{wrong}</b>" in answer.text) == (400, True)
    assert rows(cast.database, HOOK, app=cast.app_id) == []


@pytest.mark.parametrize(
    "path", ["mails?user=%00", "conversations?q=%00a", "mailbox?to=%00", "changes?conversation=%00"]
)
def test_nul_in_a_query_is_no_error_of_ours(program: httpx.Client, cast: Cast, path: str) -> None:
    enter(program, cast.secret)
    assert program.get(f"/console/apps/{cast.app_id}/{path}").status_code == 200
