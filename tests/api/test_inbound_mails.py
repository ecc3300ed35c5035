"""Inbound mails over HTTP: what became of each, and processing one again."""

from typing import Any

import httpx
import pytest
from support.cast import Cast
from support.inbox import Box, mail, quarantined
from support.servers import Stack
from support.sql import column, rows
from support.waiting import until

from mailtalk.keys import Keyring

MAILS = "/inbound-mails"


@pytest.fixture
def cast(stack: Stack) -> Cast:
    return stack.introduce()


@pytest.fixture
def box(cast: Cast, http: httpx.Client) -> Box:
    for user in ("alice", "bob"):
        http.put(f"/conversations/hello/participants/{user}")
    return Box(cast, Keyring.from_setting("k" * 32))


def listed(http: httpx.Client, **query: Any) -> list[Any]:
    answer = http.get(MAILS, params=query)
    assert answer.status_code == 200, answer.text
    found: list[Any] = answer.json()["data"]
    return found


def done(http: httpx.Client, **query: Any) -> list[Any]:
    """The mails, once a worker has processed them all."""
    return until(lambda: (found := listed(http, **query)) and all(m["outcome"] != "received" for m in found) and found)


def test_mails_are_newest_first_with_what_became_of_them(http: httpx.Client, box: Box) -> None:
    box.receive(mail(), box.bearer("bob"))
    box.receive(mail("", "Auto-Submitted: auto-replied\r\n"), box.bearer("alice"))
    answered, posted = done(http)
    assert posted["outcome"], posted["verdict"] == ("posted", "person")
    message = http.get("/conversations/hello/messages").json()["data"][0]
    assert (posted["messageId"], posted["conversationId"], posted["userId"]) == (message["id"], "hello", "bob")
    assert (posted["size"], posted["canReplay"]) == (len(mail()), False)
    assert posted["receivedAt"] <= posted["processedAt"]
    assert (answered["outcome"], answered["verdict"]) == ("ignored", "auto-reply")
    assert answered["reason"] == "auto-submitted: auto-replied"


def test_the_list_is_paged_and_filtered(http: httpx.Client, cast: Cast) -> None:
    ids = [quarantined(cast, user) for user in ("alice", "bob", "alice")]
    assert [each["id"] for each in listed(http)] == ids[::-1]
    assert [each["id"] for each in listed(http, limit=2)] == ids[:0:-1]
    assert [each["id"] for each in listed(http, startingAfter=ids[1])] == ids[:1]
    assert [each["id"] for each in listed(http, userId="bob")] == ids[1:2]
    assert len(listed(http, conversationId="hello", outcome="quarantined")) == 3
    assert listed(http, outcome="posted") == listed(http, conversationId="other") == []


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({"outcome": "lost"}, "outcome"),
        ({"outcome": ""}, "outcome"),
        ({"limit": "1000"}, "limit"),
        ({"userId": ""}, "userId"),
        ({"startingAfter": "5"}, "startingAfter"),
        ({"startingAfter": "mail_999999999"}, "startingAfter"),
    ],
)
def test_a_wrong_query_is_400_and_names_it(http: httpx.Client, query: dict[str, str], name: str) -> None:
    answer = http.get(MAILS, params=query)
    assert (answer.status_code, list(answer.json()["reasons"])) == (400, [name])


def test_no_answer_holds_an_inbound_address(http: httpx.Client, box: Box) -> None:
    address = box.address("bob")
    raw = mail(f"Hi {address}\r\n\r\nOn Monday, <{address}> wrote:\r\n> {address}", f"Message-ID: <{address}>\r\n")
    box.receive(raw, box.bearer("bob"), mail_from=address)
    (one,) = done(http)
    texts = [http.get(MAILS).text, http.get(f"{MAILS}/{one['id']}").text]
    assert not any(address.partition("@")[0] in each for each in texts)


def test_one_mail_shows_what_was_cut(http: httpx.Client, box: Box) -> None:
    box.receive(mail("Yes\r\n\r\nOn Monday, Alice wrote:\r\n> Nine?"), box.bearer("bob"))
    (one,) = done(http)
    shown = http.get(f"{MAILS}/{one['id']}").json()
    assert "> Nine?" in shown["elided"]
    assert shown["evidence"] is None


def test_a_released_mail_becomes_a_message(http: httpx.Client, box: Box, cast: Cast) -> None:
    rows(cast.database, "UPDATE apps SET sender_policy = 'match' WHERE id = :app", app=cast.app_id)
    box.receive(mail(sender="bob@home.example"), box.bearer("bob"))
    (one,) = done(http)
    assert (one["outcome"], one["verdict"], one["canReplay"]) == ("quarantined", "sender", True)
    answer = http.post(f"{MAILS}/{one['id']}/release")
    assert (answer.status_code, answer.json()["outcome"]) == (200, "received")
    assert answer.json()["releasedAt"]
    (released,) = done(http)
    assert released["outcome"] == "posted"
    again = http.post(f"{MAILS}/{one['id']}/replay")
    assert (again.status_code, again.json()["errorCode"]) == (409, "NOT_REPLAYABLE")
    assert len(http.get("/conversations/hello/messages").json()["data"]) == 1


def test_a_failed_mail_is_replayed_once_it_is_mended(http: httpx.Client, box: Box, cast: Cast) -> None:
    box.receive(mail(), box.bearer("bob"))
    (one,) = done(http)
    failed = "UPDATE inbound_mails SET outcome = 'failed', attempts = 5 WHERE app_id = :app"
    rows(cast.database, failed, app=cast.app_id)
    rows(cast.database, "DELETE FROM messages WHERE app_id = :app", app=cast.app_id)
    assert http.post(f"{MAILS}/{one['id']}/replay").json()["outcome"] == "received"
    assert done(http)[0]["outcome"] == "posted"


@pytest.mark.parametrize("verb", ["replay", "release"])
def test_what_cannot_be_done_is_409(http: httpx.Client, cast: Cast, verb: str) -> None:
    name = quarantined(cast, "alice")
    rows(cast.database, "UPDATE inbound_mails SET raw_id = NULL WHERE app_id = :app", app=cast.app_id)
    answer = http.post(f"{MAILS}/{name}/{verb}")
    assert (answer.status_code, answer.json()["errorCode"]) == (409, "RAW_MAIL_PURGED")
    assert not listed(http)[0]["canReplay"]
    rows(cast.database, "UPDATE inbound_mails SET outcome = 'posted' WHERE app_id = :app", app=cast.app_id)
    assert http.post(f"{MAILS}/{name}/{verb}").status_code == 409
    assert column(cast.database, "SELECT outcome FROM inbound_mails WHERE app_id = :app", app=cast.app_id) == ["posted"]


@pytest.mark.parametrize("name", ["mail_1000000000", "mail_x", "12", "mail_" + "9" * 40, "mail_-1"])
def test_an_unknown_mail_is_404(http: httpx.Client, name: str) -> None:
    assert http.get(f"{MAILS}/{name}").status_code == 404
    assert http.post(f"{MAILS}/{name}/replay").status_code == 404
