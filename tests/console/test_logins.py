"""Who may enter the console, see what, and change what; and what ends a login."""

import httpx
import pytest
from support.cast import Cast
from support.servers import Stack
from support.sql import column, rows

from mailtalk import clock
from mailtalk.conversations import apps
from mailtalk.keys import Keyring
from mailtalk.support import login_links
from tests.console.conftest import OPERATOR, READER, enter, token

AUDIT = "SELECT actor, role, action FROM audit_entries ORDER BY id"


def conversation(cast: Cast) -> str:
    return f"/console/apps/{cast.app_id}/conversations/{cast.conversation}"


def leave(program: httpx.Client, cast: Cast, form_token: str) -> httpx.Response:
    at = conversation(cast) + "/participants/carol"
    return program.post(at, data={"do": "leave", "form_token": form_token})


def test_without_a_login_every_page_leads_to_the_form(program: httpx.Client, cast: Cast) -> None:
    answer = program.get(conversation(cast))
    assert (answer.status_code, answer.headers["location"]) == (303, f"/console/login?next={conversation(cast)}")
    assert leave(program, cast, "").headers["location"].startswith("/console/login")


def test_a_secret_opens_its_app_alone(program: httpx.Client, stack: Stack, cast: Cast) -> None:
    other = stack.introduce()
    enter(program, cast.secret)
    assert program.get(conversation(cast)).status_code == 200
    assert program.get(conversation(other)).status_code == 404
    assert other.app_id not in program.get("/console/apps").text


def test_an_operator_sees_all_apps_and_a_reader_changes_nothing(program: httpx.Client, cast: Cast) -> None:
    enter(program, READER)
    page = program.get(conversation(cast)).text
    assert ">Change<" not in page
    assert leave(program, cast, token(page)).status_code == 403
    enter(program, OPERATOR)
    page = program.get(conversation(cast)).text
    assert leave(program, cast, token(page)).status_code == 303
    assert column(
        cast.database, "SELECT requested_by FROM changes WHERE kind = 'leave' AND app_id = :app", app=cast.app_id
    ) == ["operator"]


def test_a_form_of_another_site_changes_nothing(program: httpx.Client, cast: Cast) -> None:
    enter(program, cast.secret)
    assert leave(program, cast, "").status_code == 403
    assert leave(program, cast, "x" * 22).status_code == 403
    forged = program.post(
        "/console/login", data={"credential": cast.secret}, headers={"Origin": "https://evil.example"}
    )
    assert forged.status_code == 403


def test_a_new_secret_ends_the_logins_of_the_old_one(program: httpx.Client, stack: Stack, cast: Cast) -> None:
    enter(program, cast.secret)
    with stack.database.transaction() as session:
        apps.rotate_secret(session, Keyring.from_setting(stack.settings.require("secret_key")), cast.app_id)
    assert program.get(conversation(cast)).status_code == 303


@pytest.mark.parametrize("cookie", ["", "x", "x" * 300, "AAAA"])
def test_a_cookie_that_is_not_ours_is_no_login(program: httpx.Client, cast: Cast, cookie: str) -> None:
    program.cookies.set("mailtalk_console", cookie)
    assert program.get(conversation(cast)).status_code == 303


def test_the_cookie_is_for_this_site_and_no_script(program: httpx.Client, cast: Cast) -> None:
    answer = program.post("/console/login", data={"credential": cast.secret, "next": "https://evil.example/console/"})
    assert answer.headers["location"] == "/console"
    attributes = answer.headers["set-cookie"].lower()
    assert "httponly" in attributes
    assert "samesite=lax" in attributes
    assert "path=/console" in attributes


def test_a_link_logs_in_once(program: httpx.Client, stack: Stack) -> None:
    with stack.database.transaction() as session:
        link = f"/console/enter/{login_links.make(session, clock.now())}"
    assert program.get(link).status_code == 303
    assert program.get("/console/apps").status_code == 200
    program.cookies.clear()
    assert program.get(link).status_code == 410
    assert program.get("/console/enter/unknown").status_code == 410
    assert ("operator", "operator", "log in by link") in map(tuple, rows(stack.database, AUDIT))


def test_logging_out_forgets_the_cookie(program: httpx.Client, cast: Cast) -> None:
    enter(program, cast.secret)
    program.post("/console/logout", data={"form_token": token(program.get(conversation(cast)).text)})
    assert program.get(conversation(cast)).status_code == 303


def test_a_browser_at_the_root_is_led_to_the_console_and_a_program_is_not(program: httpx.Client) -> None:
    answer = program.get("/", headers={"Accept": "text/html,*/*;q=0.8"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/console")
    assert program.get("/").json()["errorCode"] == "NOT_FOUND"
