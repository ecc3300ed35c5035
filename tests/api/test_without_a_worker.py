"""Changes that no worker applies in time: 202, and nothing is lost."""

import httpx
from support.cast import Cast
from support.servers import serving, working
from support.waiting import until

from mailtalk.settings.load import Settings

HELLO = "/conversations/hello"
ALICE = HELLO + "/participants/alice"
BOB = HELLO + "/participants/bob"


def statuses(http: httpx.Client) -> list[str]:
    log = http.get("/changes", params={"conversationId": "hello"}).json()["data"]
    return [each["status"] for each in log]


def test_what_is_not_applied_in_time_is_202_and_applied_once_a_worker_runs(settings: Settings, cast: Cast) -> None:
    impatient = settings.model_copy(update={"wait_seconds": 0.1})
    headers = {"Authorization": f"Bearer {cast.secret}"}
    with serving(impatient) as api, httpx.Client(base_url=f"{api}/v1/{cast.app_id}", headers=headers) as http:
        answers = [http.put(ALICE), http.post(ALICE + "/email/rotate"), http.delete(BOB)]
        assert [answer.status_code for answer in answers] == [202] * 3
        assert [answer.json()["kind"] for answer in answers] == ["join", "rotate", "leave"]
        assert http.get(ALICE).status_code == 404
        actions = {"actions": [{"id": 1, "method": "PUT", "params": {"userId": "bob"}}]}
        bulk = http.post(HELLO + "/participants", json=actions)
        assert (bulk.status_code, bulk.json()["responses"][0]["status"]) == (200, 202)
        assert statuses(http) == ["pending"] * 4
        with working(impatient):
            until(lambda: statuses(http) == ["applied"] * 4)
        assert set(http.get(HELLO).json()["participants"]) == {"alice", "bob"}
