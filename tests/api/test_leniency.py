"""What real clients send is taken: any id, any content type, empty bodies."""

import httpx
import pytest
from support.cast import Cast
from support.refusals import ALICE, HELLO, PART, reasons
from support.servers import Stack


@pytest.fixture(scope="module")
def cast(stack: Stack) -> Cast:
    return stack.introduce("Demo")


@pytest.mark.parametrize(
    "user",
    [
        "with%2Fslash", "with%20space", "%25", "100%2525", "%C3%A9%E6%BC%A2", "a%3Fb%23c", "%2E%2E", "a+b",
        "a%2Bb", "'",
        "%F0%9F%98%80", "a;b", "..%2f..%2fetc", "(a)!*~", "x" * 255,
    ],
)  # fmt: skip
def test_an_id_may_hold_anything(http: httpx.Client, user: str) -> None:
    assert http.put(f"/users/{user}", json={"name": "X"}).status_code == 200
    got = http.get(f"/users/{user}").json()
    assert got["id"] == str(httpx.URL(f"http://x/{user}").path)[1:]
    assert http.get(f"/users/{user}/").status_code == 200


@pytest.mark.parametrize("user", ["%00", "a%0Ab", "%FF", "%ED%A0%80", "x" * 256, "%1B"])
def test_an_id_that_cannot_be_is_400(http: httpx.Client, user: str) -> None:
    assert "userId" in reasons(http.put(f"/users/{user}", json={"name": "X"}))
    assert "userId" in reasons(http.get(f"/users/{user}"))
    assert "userId" in reasons(http.put(f"{HELLO}/participants/{user}"))


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "", "nonsense"])
def test_the_content_type_does_not_matter(http: httpx.Client, content_type: str) -> None:
    answer = http.put(ALICE, content=b'{"name": "A"}', headers={"Content-Type": content_type})
    assert answer.status_code == 200


@pytest.mark.parametrize("body", [b"", b"  \r\n", b"{}", b'{"id": "x", "other": [1]}'])
def test_an_empty_body_is_an_empty_object_and_unknown_fields_are_ignored(http: httpx.Client, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    for path in (ALICE, HELLO):
        assert http.put(path, content=body, headers=headers).status_code == 200
    for method in ("PUT", "DELETE"):
        answer = http.request(method, PART, content=body, headers=headers | {"Prefer": "respond-async"})
        assert answer.status_code == 202
    assert http.request("GET", ALICE, content=body, headers=headers).status_code == 200


def test_a_delete_without_a_content_type(http: httpx.Client) -> None:
    assert http.delete(f"{PART}/", headers={"Prefer": "respond-async"}).status_code == 202


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (ALICE, {"name": None}),
        (HELLO, {"participants": None}),
        (PART, {"notify": None, "access": None, "frequency": None}),
        (f"{ALICE}{HELLO}", {"readUntil": None}),
    ],
)
def test_null_for_an_optional_field_is_as_if_it_was_missing(http: httpx.Client, path: str, body: object) -> None:
    before = http.get(ALICE).json()
    method = "PATCH" if path.startswith(ALICE + HELLO) else "PUT"
    answer = http.request(method, path, json=body, headers={"Prefer": "respond-async"})
    assert answer.status_code in {200, 202, 404}, answer.text
    assert http.get(ALICE).json() == before
