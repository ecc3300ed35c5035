"""The pages behind the links in mails, as mail programs, link scanners and people without scripts ask for them."""

import logging
import re
from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest
from support.cast import Cast
from support.servers import Stack
from support.sql import column, rows
from support.waiting import until

from api.pages import words
from mailtalk import clock
from mailtalk.conversations import conversations
from mailtalk.ids import ParticipantKey
from mailtalk.keys import Keyring
from mailtalk.outbound import suppressions
from mailtalk.participation import links
from mailtalk.vocabulary import Suspicion

ONE_CLICK = {"List-Unsubscribe": "One-Click"}
PLACE = "/conversations/hello/participants/bob"
CHOSEN = "SELECT notify, frequency, mute_until IS NOT NULL FROM participations WHERE app_id = :app AND user_id = 'bob'"


@pytest.fixture
def cast(stack: Stack) -> Cast:
    return stack.introduce()


@pytest.fixture
def token(stack: Stack, cast: Cast) -> str:
    with stack.client(cast) as http:
        http.put(PLACE)
    with stack.database.transaction() as session:
        row = conversations.participant(session, cast.participant("bob"))
        return links.token(Keyring.from_setting(stack.settings.require("secret_key")), row.id)


@pytest.fixture
def web(stack: Stack) -> Iterator[httpx.Client]:
    """Somebody without a credential."""
    with httpx.Client(base_url=stack.api, timeout=60) as client:
        yield client


def chosen(cast: Cast) -> tuple[str, str, bool]:
    (row,) = rows(cast.database, CHOSEN, app=cast.app_id)
    return tuple(row)


def log(cast: Cast) -> list[tuple[str, str | None]]:
    found = rows(cast.database, "SELECT kind, notify FROM changes WHERE app_id = :app ORDER BY id", app=cast.app_id)
    return [(row.kind, row.notify) for row in found]


# one click


@pytest.mark.parametrize("encoding", ["data", "files"])
def test_one_click_ends_the_mails_without_redirect_cookie_or_login(
    web: httpx.Client, cast: Cast, token: str, encoding: str
) -> None:
    body = ONE_CLICK if encoding == "data" else {name: (None, value) for name, value in ONE_CLICK.items()}
    answer = web.post(f"/unsubscribe/{token}", **{encoding: body})
    assert (answer.status_code, "set-cookie" in answer.headers) == (200, False)
    assert chosen(cast) == ("Off", "default", False)
    assert log(cast) == [("join", None), ("update", "Off")]
    assert web.post(f"/unsubscribe/{token}", data=ONE_CLICK).status_code == 200
    assert len(log(cast)) == 2  # a repeat changes nothing


@pytest.mark.parametrize("path", ["settings", "unsubscribe"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_looking_changes_nothing(web: httpx.Client, cast: Cast, token: str, path: str, method: str) -> None:
    web.request(method, f"/{path}/{token}", params={"notify": "off", "List-Unsubscribe": "One-Click"})
    assert chosen(cast) == ("All", "default", False)
    assert len(log(cast)) == 1


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"List-Unsubscribe=One-Click", "application/x-www-form-urlencoded"),
        (b"List-Unsubscribe=One-Click", "application/x-www-form-urlencoded; charset=UTF-8"),
        (b"List-Unsubscribe=One-Click\r\n", "text/plain;charset=iso-8859-1"),
        (b"List%2DUnsubscribe=One%2DClick", "application/x-www-form-urlencoded"),
        (b"list-unsubscribe=one-click", None),
        ("List-Unsubscribe=One-Click".encode("utf-16"), "application/x-www-form-urlencoded; charset=utf-16"),
        (b'{"List-Unsubscribe": "One-Click"}', "application/json"),
        (
            b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n',
            "multipart/form-data",
        ),
        (b"", None),
        (b"\r\n", "application/x-www-form-urlencoded"),
    ],
)
def test_one_click_takes_any_form_of_body(
    web: httpx.Client, cast: Cast, token: str, body: bytes, kind: str | None
) -> None:
    headers = {} if kind is None else {"Content-Type": kind}
    assert web.post(f"/unsubscribe/{token}", content=body, headers=headers).status_code == 200
    assert chosen(cast)[0] == "Off"


def test_a_form_with_too_many_fields_is_400_and_changes_nothing(web: httpx.Client, cast: Cast, token: str) -> None:
    body = "&".join(f"field{i}=1" for i in range(25)) + "&notify=off"
    answer = web.post(f"/settings/{token}", content=body)
    assert (answer.status_code, "<form" in answer.text) == (400, True)
    assert web.post(f"/settings/{token}", content=f"notify=off&x={'x' * 20_000}").status_code == 400
    assert chosen(cast)[0] == "All"


@pytest.mark.parametrize("body", [b"List-Unsubscribe=", b"x" * 20_000 + b"One-Click"])
def test_a_post_that_asks_for_nothing_ends_nothing(web: httpx.Client, cast: Cast, token: str, body: bytes) -> None:
    answer = web.post(f"/unsubscribe/{token}", content=body)
    assert (answer.status_code, "<button>" in answer.text) == (400, True)
    assert chosen(cast)[0] == "All"


def test_a_choice_outlives_a_backends_next_put_and_the_log_says_whose_it_was(
    stack: Stack, web: httpx.Client, cast: Cast, token: str
) -> None:
    with stack.client(cast) as http:
        web.post(f"/unsubscribe/{token}", data=ONE_CLICK)
        http.put(PLACE, json={"access": "Read"})
        assert chosen(cast)[0] == "Off"
        http.delete(PLACE)
        http.put(PLACE)
        assert chosen(cast)[0] == "Off"
        changes = http.get("/changes", params={"conversationId": "hello"}).json()["data"]
        assert [each["by"] for each in changes] == ["backend"] * 3 + ["participant", "backend"]
        http.put(PLACE, json={"notify": True})
        assert chosen(cast)[0] == "All"


def test_one_click_makes_what_a_backend_set_the_participants_choice(
    stack: Stack, web: httpx.Client, cast: Cast, token: str
) -> None:
    with stack.client(cast) as http:
        http.put(PLACE, json={"notify": False})
        assert web.post(f"/unsubscribe/{token}", data=ONE_CLICK).status_code == 200
        http.put(PLACE)
    assert chosen(cast)[0] == "Off"


# the form


def test_what_is_chosen_goes_through_the_log_of_changes(web: httpx.Client, cast: Cast, token: str) -> None:
    form = {"notify": "mentions", "frequency": "daily", "mute": "week", "language": "en"}
    answer = web.post(f"/settings/{token}", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "?saved")
    assert chosen(cast) == ("MentionsOnly", "daily", True)
    assert log(cast) == [("join", None), ("update", "MentionsOnly")]
    page = web.get(f"/settings/{token}?saved").text
    assert re.findall(r'value="(\w+)" checked', page) == ["mentions", "daily", "keep"]
    assert '<p role="status"' in page


def test_what_stays_the_same_is_no_change(web: httpx.Client, cast: Cast, token: str) -> None:
    form = {"notify": "all", "frequency": "default", "mute": "none", "language": "en"}
    assert web.post(f"/settings/{token}", data=form).status_code == 303
    assert len(log(cast)) == 1


def test_who_chose_nothing_sees_how_often_that_is(web: httpx.Client, cast: Cast, token: str) -> None:
    usual = r'value="default" checked>\s*<span><b>([\w ]+)</b><small>([\w ,-]+)<'
    assert re.findall(usual, web.get(f"/settings/{token}").text) == [
        ("Usual", "Grouped into one email after a short pause")
    ]
    rows(cast.database, "UPDATE apps SET frequency = 'daily' WHERE id = :app", app=cast.app_id)
    assert re.findall(usual, web.get(f"/settings/{token}").text) == [("Usual", "One email in the morning")]


@pytest.mark.parametrize("reason", Suspicion)
def test_who_asks_for_mails_gets_them_whatever_was_against_it(
    web: httpx.Client, cast: Cast, token: str, reason: Suspicion
) -> None:
    rows(cast.database, "UPDATE users SET emails = '{Bob@x.example, b@x.example}' WHERE app_id = :app AND id = 'bob'",
         app=cast.app_id)  # fmt: skip
    with cast.database.transaction() as session:
        for address in ("bob@x.example", "b@x.example", "carol@example.com"):
            suppressions.suppress(session, clock.now(), cast.app_id, address, reason, None, timedelta(days=9))
    suppressed = "SELECT address FROM suppressions WHERE app_id = :app"
    web.get(f"/settings/{token}")
    for asked in ({"notify": "off"}, {"language": "de"}, {"notify": "whatever"}):
        assert web.post(f"/settings/{token}", data=asked).status_code == 303
        assert len(column(cast.database, suppressed, app=cast.app_id)) == 3
    web.post(f"/settings/{token}", data={"notify": "mentions"})
    assert column(cast.database, suppressed, app=cast.app_id) == ["carol@example.com"]


def test_a_mute_is_kept_or_ended(web: httpx.Client, cast: Cast, token: str) -> None:
    web.post(f"/settings/{token}", data={"mute": "day"})
    web.post(f"/settings/{token}", data={"mute": "keep"})
    assert chosen(cast) == ("All", "default", True)
    web.post(f"/settings/{token}", data={"mute": "none"})
    assert chosen(cast) == ("All", "default", False)


@pytest.mark.parametrize(
    "body", [b"notify=Off&frequency=weekly&mute=year&language=tlh", b"\xff\xfe", b"&" * 5_000, b"x" * 20_000, b"notify"]
)
def test_what_no_form_of_ours_sends_changes_nothing(web: httpx.Client, cast: Cast, token: str, body: bytes) -> None:
    web.post(f"/settings/{token}", content=body)
    assert chosen(cast) == ("All", "default", False)
    assert column(cast.database, "SELECT locale FROM users WHERE app_id = :app", app=cast.app_id) == [None] * 4


def test_the_language_is_the_users(web: httpx.Client, cast: Cast, token: str) -> None:
    assert 'lang="fr"' in web.get(f"/settings/{token}", headers={"Accept-Language": "tlh, fr;q=0.9, en;q=0.8"}).text
    web.post(f"/settings/{token}", data={"language": "ja"})
    spoken = "SELECT locale FROM users WHERE app_id = :app AND id = 'bob'"
    assert column(cast.database, spoken, app=cast.app_id) == ["ja"]
    page = web.get(f"/settings/{token}", headers={"Accept-Language": "fr"})
    assert (page.headers["content-language"], '<html lang="ja">' in page.text) == ("ja", True)
    rows(cast.database, "UPDATE users SET locale = 'de-AT' WHERE app_id = :app", app=cast.app_id)
    web.post(f"/settings/{token}", data={"language": "de"})
    assert column(cast.database, spoken, app=cast.app_id) == ["de-AT"]


# everything of the app


@pytest.fixture
def other(stack: Stack, cast: Cast) -> str:
    """Bob's link to his settings for a second conversation."""
    with stack.client(cast) as http:
        http.put("/conversations/plans", json={"subject": "Plans & <b>", "participants": ["alice", "bob"]})
        until(lambda: http.get("/conversations/plans/participants/bob").status_code == 200)
    with stack.database.transaction() as session:
        row = conversations.participant(session, ParticipantKey.of(cast.app_id, "plans", "bob"))
        return links.token(Keyring.from_setting(stack.settings.require("secret_key")), row.id)


def notify(cast: Cast) -> list[tuple[str, str]]:
    query = "SELECT conversation_id, user_id, notify FROM participations WHERE app_id = :app ORDER BY 1, 2"
    return [tuple(row) for row in rows(cast.database, query, app=cast.app_id)]


def test_the_page_says_whose_settings_they_are_and_lists_their_conversations(
    web: httpx.Client, cast: Cast, token: str, other: str
) -> None:
    page = web.get(f"/settings/{token}").text
    assert re.search(r"<bdi>Bob</bdi> · b•••@example\.com", page)
    assert "bob@example.com" not in page
    assert f'<a href="{other}">Plans &amp; &lt;b&gt;</a>' in page
    assert "<b>Hello</b>" in page
    assert web.get(f"/settings/{other}").status_code == 200


def test_one_conversation_alone_is_no_list(web: httpx.Client, token: str) -> None:
    page = web.get(f"/settings/{token}").text
    assert "Your conversations" not in page
    assert 'name="scope"' not in page


def test_a_choice_for_all_is_made_in_every_conversation_of_that_user_alone(
    web: httpx.Client, cast: Cast, token: str, other: str
) -> None:
    answer = web.post(f"/settings/{token}", data={"notify": "mentions", "mute": "keep", "scope": "all"})
    assert (answer.status_code, answer.headers["location"]) == (303, "?saved")
    assert notify(cast) == [
        ("hello", "bob", "MentionsOnly"),
        ("plans", "alice", "All"),
        ("plans", "bob", "MentionsOnly"),
    ]
    assert web.post(f"/settings/{token}", data={"notify": "all"}).status_code == 303
    assert notify(cast) == [("hello", "bob", "All"), ("plans", "alice", "All"), ("plans", "bob", "MentionsOnly")]


def test_everything_of_an_app_is_ended_by_one_button_and_one_click_ends_one(
    web: httpx.Client, cast: Cast, token: str, other: str
) -> None:
    assert web.post(f"/unsubscribe/{other}", data=ONE_CLICK).status_code == 200
    assert notify(cast) == [("hello", "bob", "All"), ("plans", "alice", "All"), ("plans", "bob", "Off")]
    answer = web.post(f"/unsubscribe/{token}", data=ONE_CLICK | {"scope": "all"})
    assert (answer.status_code, f"unsubscribed from {cast.app_id}<" in answer.text) == (200, True)
    assert notify(cast) == [("hello", "bob", "Off"), ("plans", "alice", "All"), ("plans", "bob", "Off")]


def test_with_privacy_no_conversation_is_listed(web: httpx.Client, cast: Cast, token: str, other: str) -> None:
    rows(cast.database, "UPDATE apps SET style = '{\"privacy\": true}' WHERE id = :app", app=cast.app_id)
    page = web.get(f"/settings/{token}").text
    assert "Plans" not in page
    assert 'name="scope" value="all"' in page


def test_an_accepted_address_is_forgotten_again(web: httpx.Client, cast: Cast, token: str) -> None:
    accepted = "SELECT accepted_senders FROM users WHERE app_id = :app AND id = 'bob'"
    rows(cast.database, "UPDATE users SET accepted_senders = '{bob@home.example, b@work.example}' WHERE id = 'bob'")
    page = web.get(f"/settings/{token}").text
    assert "Stop accepting b•••@home.example" in page
    assert "bob@home.example" not in page
    web.post(f"/settings/{token}", data={"forget": ["b•••@home.example", "x•••@home.example"]})
    assert column(cast.database, accepted, app=cast.app_id) == [["b@work.example"]]


# guards


@pytest.mark.parametrize("path", ["settings", "unsubscribe"])
def test_a_link_of_who_left_is_one_friendly_404_like_any_that_is_wrong(
    web: httpx.Client, stack: Stack, cast: Cast, token: str, path: str
) -> None:
    with stack.client(cast) as http:
        http.delete(PLACE)
    dead, wrong = (web.get(f"/{path}/{each}") for each in (token, "x" * 43))
    assert (dead.status_code, wrong.status_code) == (404, 404)
    assert dead.text == wrong.text
    assert "no longer works" in dead.text
    assert web.post(f"/{path}/{token}", data=ONE_CLICK).status_code == 404


@pytest.mark.parametrize("path", ["settings/{}", "unsubscribe/{}", "settings/{}?saved", "settings/gone"])
def test_every_page_loads_nothing_and_tells_nobody(web: httpx.Client, token: str, path: str) -> None:
    answer = web.get("/" + path.format(token))
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-robots-tag"] == "noindex, nofollow"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script|\son\w+=|javascript:|src=|https?://", answer.text)


def test_foreign_text_is_text(web: httpx.Client, cast: Cast, token: str) -> None:
    rows(cast.database, "UPDATE conversations SET subject = :s WHERE app_id = :app", s="<b>\"x'&", app=cast.app_id)
    assert "&lt;b&gt;&#34;x&#39;&amp;" in web.get(f"/settings/{token}").text


def test_the_link_stands_in_no_log(
    web: httpx.Client, token: str, stack: Stack, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("httpcore").setLevel(logging.WARNING)  # the test's own client, and httpx
    logging.getLogger("httpx").setLevel(logging.WARNING)
    web.get(f"/settings/{token}")
    web.post(f"/settings/{token}", data={"notify": "off"})
    web.post(f"/unsubscribe/{token}", data=ONE_CLICK)
    others = [each.getMessage() for each in caplog.records if each.name != "uvicorn.access"]  # api/server.py has it off
    assert not [said for said in others if token in said]


# words


@pytest.mark.parametrize("code", words.TEXTS)
def test_every_language_says_everything(code: str) -> None:
    assert words.TEXTS[code].keys() == words.TEXTS["en"].keys()
    assert all(text.strip() for text in words.TEXTS[code].values())


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-CH, en;q=0.5", "de"),
        ("en;q=0.5, pt-BR;q=0.9", "pt"),
        ("de;q=0, nl;q=0.1", "nl"),
        ("*", "en"),
        ("xx, de;q=zzz, it;q=0.3", "it"),
        ("," * 50, "en"),
    ],
)
def test_the_browsers_language_is_heard(header: str, code: str) -> None:
    assert words.wanted(header) == code
