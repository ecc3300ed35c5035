"""Conversations in the console: search, messages, participants, and what happens while one looks."""

import re

import httpx
import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text
from support.audience import audience
from support.browser import needs_browser
from support.cast import Cast
from support.servers import Stack
from support.sql import column

from mailtalk.support import search
from tests.console.conftest import enter

SCRIPTS = 75_000  # bytes of scripts and styles beside a page
NOTIFY = "SELECT notify FROM participations WHERE app_id = :app AND user_id = 'carol'"


@pytest.fixture
def at(stack: Stack, cast: Cast) -> str:
    return f"{stack.api}/console/apps/{cast.app_id}/conversations"


@needs_browser
def test_a_message_appears_without_a_reload(shown: Page, cast: Cast, at: str) -> None:
    shown.goto(f"{at}/hello")
    shown.get_by_text("No messages yet.").wait_for()
    cast.say("alice", "Is the **door** open? <b>bold</b>")
    expect(shown.get_by_role("listitem").filter(has_text="Is the **door** open? <b>bold</b>")).to_be_visible()
    expect(shown.locator(".person").filter(has_text="Bob").get_by_text("unread")).to_be_visible()


@needs_browser
def test_a_participant_is_changed_by_the_same_changes_as_the_api_s(shown: Page, cast: Cast, at: str) -> None:
    shown.goto(f"{at}/hello")
    carol = shown.locator(".person").filter(has_text="Carol")
    carol.get_by_text("Change", exact=True).click()
    carol.get_by_label("Is mailed").select_option("when mentioned")
    carol.get_by_role("button", name="Save").click()
    expect(shown.get_by_role("status")).to_have_text("Done.")
    assert column(cast.database, NOTIFY, app=cast.app_id) == ["MentionsOnly"]
    carol = shown.locator(".person").filter(has_text="Carol")
    carol.get_by_text("Change", exact=True).click()
    carol.get_by_role("button", name="Remove").click()
    expect(shown.get_by_role("status")).to_have_text("Done.")
    expect(shown.locator(".person").filter(has_text="Carol")).to_have_count(0)


def test_a_conversation_of_many_people_and_messages_is_a_light_page(program: httpx.Client, cast: Cast) -> None:
    audience(cast, 100)
    cast.say("alice", *["words and more words " * 15] * 60)
    enter(program, cast.secret)
    path = f"/console/apps/{cast.app_id}/conversations/hello"
    shown: list[str] = []
    while path:
        page = program.get(path)
        assert len(page.content) < 150_000 - SCRIPTS
        shown += re.findall(r"<h3>\S+ <small>(\w+)</small></h3>", page.text)
        more = re.search(r'href="(\?people=\d+)"', page.text)
        path = f"/console/apps/{cast.app_id}/conversations/hello{more[1]}" if more else ""
    assert sorted(shown) == sorted(["alice", "bob", "carol", *(f"u{number}" for number in range(1, 101))])


@pytest.mark.parametrize("wanted", ["hello", "Hell", "observ", "carol@example.com", "Carol", "alice", "the meet"])
def test_a_conversation_is_found_by_what_one_remembers(program: httpx.Client, cast: Cast, wanted: str) -> None:
    cast.say("alice", "Shall we meet at the observatory?")
    assert "Shall we meet" in found(program, cast, wanted)


@pytest.mark.parametrize(
    "wanted", ["zebra", "100%", "_", "'; DROP", "a & | b", "\\", "()", "z\x00z", "the zebra", "'q':*"]
)
def test_what_is_not_there_is_not_found(program: httpx.Client, cast: Cast, wanted: str) -> None:
    cast.say("alice", "Shall we meet at the observatory?")
    assert "Nothing found for" in found(program, cast, wanted)


def test_an_index_for_the_search_is_made_and_removed_by_request(
    program: httpx.Client, stack: Stack, cast: Cast
) -> None:
    cast.say("alice", "Shall we meet at the observatory?")
    for statements in (search.MAKE_INDEXES, search.DROP_INDEXES):
        with cast.database.single.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))
        for wanted in ("observ", "meet shall", "hell", "aro"):
            assert "Shall we meet" in found(program, cast, wanted)
        assert "Nothing found for" in found(program, cast, "zebra")


def found(program: httpx.Client, cast: Cast, wanted: str) -> str:
    enter(program, cast.secret)
    answer = program.get(f"/console/apps/{cast.app_id}/conversations", params={"q": wanted})
    assert answer.status_code == 200
    return answer.text
