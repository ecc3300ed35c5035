"""PUT, PATCH, DELETE and GET of participants over a real socket, applied by a real worker."""

import httpx
import pytest
from cast import Cast


@pytest.fixture
def http(api: str, worker: object, cast: Cast) -> httpx.Client:
    return httpx.Client(
        base_url=f"{api}/v1/{cast.app_id}", headers={"Authorization": f"Bearer {cast.secret}"}, timeout=20
    )


def test_put_joins_and_get_sees_it(http: httpx.Client) -> None:
    with http:
        answer = http.put("/conversations/hello/participants/alice", json={"notify": "MentionsOnly"})
        assert (answer.status_code, answer.json()) == (200, {})
        location = answer.headers["Operation-Location"]
        got = http.get("/conversations/hello/participants/alice").json()
        assert (got["access"], got["notify"]) == ("ReadWrite", "MentionsOnly")
        assert (
            httpx.get(f"{http.base_url.copy_with(path=location)}", headers=http.headers).json()["status"] == "applied"
        )
