"""Lists over HTTP while their rows move or go: no page loses or repeats what stood still."""

from typing import Any

import httpx
import pytest
from support.cast import Cast
from support.servers import Stack

MANY = [f"c{i:02}" for i in range(12)]
SAY = [{"type": "SystemMessage", "text": "moves"}]


@pytest.fixture
def cast(stack: Stack) -> Cast:
    return stack.introduce()


@pytest.fixture(autouse=True)
def _many(http: httpx.Client) -> None:
    assert http.delete("/conversations/hello").status_code == 200
    for name in MANY:
        assert http.put(f"/conversations/{name}", json={"participants": ["alice"]}).status_code == 200


def listed(http: httpx.Client, path: str, **query: Any) -> list[str]:
    answer = http.get(path, params={"limit": 3, **query})
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json()["data"]]


@pytest.mark.parametrize("path", ["/conversations", "/users/alice/conversations"])
@pytest.mark.parametrize("direction", ["ASC", "DESC"])
def test_the_last_row_of_each_page_moves(http: httpx.Client, path: str, direction: str) -> None:
    seen, moved = listed(http, path, orderDirection=direction), set()
    while len(seen) < 3 * len(MANY):
        if len(moved) < 4:  # the fifth page is the end, or begins with those that moved
            moved.add(seen[-1])
            assert http.post(f"/conversations/{seen[-1]}/messages", json=SAY).status_code == 200
        page = listed(http, path, orderDirection=direction, startingAfter=seen[-1])
        seen += page
        if len(page) < 3:
            break
    assert sorted(row for row in seen if row not in moved) == sorted(set(MANY) - moved)


@pytest.mark.parametrize("order", ["lastActivity", "createdAt"])
def test_the_last_row_of_each_page_is_deleted(http: httpx.Client, order: str) -> None:
    seen = page = listed(http, "/conversations", orderBy=order)
    while len(page) == 3:
        assert http.delete(f"/conversations/{seen[-1]}").status_code == 200
        page = listed(http, "/conversations", orderBy=order, startingAfter=seen[-1])
        seen = seen + page
    assert sorted(seen) == MANY


def test_a_list_that_a_conversation_has_left_goes_on(http: httpx.Client) -> None:
    seen = listed(http, "/users/alice/conversations")
    assert http.delete(f"/conversations/{seen[-1]}/participants/alice").status_code == 200
    rest = listed(http, "/users/alice/conversations", startingAfter=seen[-1], limit=100)
    assert sorted([*seen, *rest]) == MANY
