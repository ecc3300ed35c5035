"""The unsubscribe link of a digest ends the digests of the app, and nothing else."""

from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest
from support.cast import Cast
from support.servers import Stack
from support.sql import rows

from mailtalk.keys import Keyring
from mailtalk.participation import digests

ONE_CLICK = {"List-Unsubscribe": "One-Click"}
DELIVERY = """
    INSERT INTO deliveries (app_id, id, kind, conversation_id, user_id, address, message_id, body_sealed, stage,
        not_before, created_at)
    VALUES (:app, :id, 'digest', '', 'bob', 'bob@example.com', '<m@x>', '', 'sent', now(), now())"""
NOTIFY = "SELECT conversation_id, user_id, notify FROM participations WHERE app_id = :app AND notify = 'Off' ORDER BY 1"


@pytest.fixture
def cast(stack: Stack) -> Cast:
    return stack.introduce()


@pytest.fixture
def path(stack: Stack, cast: Cast) -> str:
    """Link of a digest of Bob, who gets two conversations daily or hourly, and a third one as it comes."""
    with stack.client(cast) as http:
        for place, frequency in (("c1", "daily"), ("c2", "hourly"), ("c3", "immediately")):
            http.put(f"/conversations/{place}", json={"subject": place})
            http.put(f"/conversations/{place}/participants/bob", json={"frequency": frequency})
            http.put(f"/conversations/{place}/participants/alice", json={"frequency": frequency})
    delivery_id = uuid4()
    rows(cast.database, DELIVERY, app=cast.app_id, id=delivery_id)
    keyring = Keyring.from_setting(stack.settings.require("secret_key"))
    return digests.unsubscribe(keyring, "", delivery_id)


@pytest.fixture
def web(stack: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.api, timeout=60) as client:
        yield client


def off(cast: Cast) -> list[tuple[str, str, str]]:
    return [tuple(row) for row in rows(cast.database, NOTIFY, app=cast.app_id)]


def test_a_visit_shows_a_button_and_changes_nothing(web: httpx.Client, cast: Cast, path: str) -> None:
    shown = web.get(path, headers={"Accept-Language": "de"})
    assert shown.status_code == 200
    assert "Sie erhalten keine Übersichten der Unterhaltungen mehr" in shown.text
    assert "../settings/" not in shown.text
    assert off(cast) == []
    assert web.post(path, data={"x": "y"}).status_code == 400
    assert off(cast) == []


def test_one_click_ends_all_digests_of_the_app(web: httpx.Client, cast: Cast, path: str) -> None:
    for _ in range(2):
        assert web.post(path, data=ONE_CLICK).status_code == 200
    assert off(cast) == [("c1", "bob", "Off"), ("c2", "bob", "Off")]
    log = "SELECT count(*) FROM changes WHERE app_id = :app AND notify = 'Off'"
    assert tuple(rows(cast.database, log, app=cast.app_id)[0]) == (2,)


def test_a_link_of_a_digest_that_is_no_longer_kept_is_gone(web: httpx.Client, cast: Cast, path: str) -> None:
    rows(cast.database, "DELETE FROM deliveries WHERE app_id = :app", app=cast.app_id)
    assert web.get(path).status_code == 404
    assert web.post(path, data=ONE_CLICK).status_code == 404
    assert web.get(f"{path[:-1]}{'A' if path[-1] != 'A' else 'B'}").status_code == 404
