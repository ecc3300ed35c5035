"""GET …/participants/{userId}/notifications: what was mailed, what waits, what was not mailed and why."""

import httpx
import msgspec
import pytest
from support.cast import Cast
from support.servers import Stack
from support.waiting import until

from api.schemas.notifications import Notification
from api.schemas.types import Page

BOB = "/conversations/hello/participants/bob"
SAID = [{"type": "UserMessage", "sender": "alice", "text": "Hi"}]


@pytest.fixture
def cast(stack: Stack) -> Cast:
    return stack.introduce()


@pytest.fixture
def http(http: httpx.Client) -> httpx.Client:
    http.put(BOB)
    http.put("/conversations/hello/participants/alice")
    return http


def test_what_was_mailed_and_what_was_not(http: httpx.Client) -> None:
    message = http.post("/conversations/hello/messages", json=SAID).json()[0]["id"]
    (made,) = until(lambda: [each for each in http.get(f"{BOB}/notifications").json()["data"] if each["deliveries"]])
    assert (made["status"], made["reason"], made["messageIds"]) == ("made", None, [message])
    assert made["createdAt"] <= made["notBefore"] <= made["endedAt"]
    until(lambda: http.get(f"{BOB}/notifications").json()["data"][0]["deliveries"][0]["stage"] == "captured")
    msgspec.convert(http.get(f"{BOB}/notifications").json(), Page[Notification])
    (own,) = http.get("/conversations/hello/participants/alice/notifications").json()["data"]
    assert (own["status"], own["reason"], own["messageIds"]) == ("cancelled", "own-message", [message])


def test_pages_and_wrong_questions(http: httpx.Client) -> None:
    http.patch(BOB, json={"notify": False})
    for _ in range(2):
        http.post("/conversations/hello/messages", json=SAID)
        count = len(http.get(f"{BOB}/notifications").json()["data"])
        until(lambda count=count: len(http.get(f"{BOB}/notifications").json()["data"]) > count)
    newest, oldest = http.get(f"{BOB}/notifications").json()["data"]
    query = {"startingAfter": newest["id"], "limit": "1"}
    assert http.get(f"{BOB}/notifications", params=query).json()["data"] == [oldest]
    for wrong in ("5", "ntf_", "ntf_x", "ntf_0", f"ntf_{10**18}"):
        assert http.get(f"{BOB}/notifications", params={"startingAfter": wrong}).status_code == 400
    nobody = http.get("/conversations/hello/participants/carol/notifications")
    assert (nobody.status_code, nobody.json()["errorCode"]) == (404, "PARTICIPANT_NOT_FOUND")
