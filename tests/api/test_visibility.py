"""What a user may see after leave, access None and re-join, at each version; and the lists of conversations."""

from typing import Any

import httpx
import pytest
from support.cast import Cast
from support.servers import Stack

from mailtalk.conversations import conversations
from mailtalk.ids import ConversationKey

OLD = ("2021-01-01", "2021-02-09")
NEW = ("2021-07-30", "2024-01-01")


@pytest.fixture
def cast(stack: Stack) -> Cast:
    return stack.introduce()


@pytest.fixture(autouse=True)
def _before(http: httpx.Client, alice_and_bob: None) -> None:
    say(http, "before")


def say(client: httpx.Client, text: str) -> None:
    body = [{"type": "UserMessage", "sender": "alice", "text": text}]
    assert client.post("/conversations/hello/messages", json=body).status_code == 200


def mine(client: httpx.Client, user: str = "bob", **query: Any) -> list[dict[str, Any]]:
    answer = client.get(f"/users/{user}/conversations", params=query)
    assert answer.status_code == 200, answer.text
    data: list[dict[str, Any]] = answer.json()["data"]
    return data


def test_a_participant_sees_the_whole_history_and_how_much_is_unread(http: httpx.Client) -> None:
    (seen,) = mine(http)
    assert (seen["id"], seen["lastMessage"]["text"], seen["unreadMessageCount"]) == ("hello", "before", 1)
    assert seen["participants"]["bob"] == {"access": "ReadWrite", "notify": True}
    assert mine(http, "alice")[0]["unreadMessageCount"] == 0


@pytest.mark.parametrize("version", NEW)
def test_leave_takes_the_conversation_away(http: httpx.Client, version: str) -> None:
    http.headers["TalkJS-REST-Version"] = version
    http.delete("/conversations/hello/participants/bob")
    assert mine(http) == []
    assert http.get("/conversations/hello/messages", params={"asUser": "bob"}).status_code == 404


@pytest.mark.parametrize("version", OLD)
def test_the_old_leave_keeps_what_was_there(http: httpx.Client, version: str) -> None:
    http.headers["TalkJS-REST-Version"] = version
    http.delete("/conversations/hello/participants/bob")
    assert_frozen(http)


@pytest.mark.parametrize("version", NEW)
def test_access_none_freezes_the_view(http: httpx.Client, version: str) -> None:
    http.headers["TalkJS-REST-Version"] = version
    assert http.patch("/conversations/hello/participants/bob", json={"access": "None"}).status_code == 200
    assert "bob" not in http.get("/conversations/hello").json()["participants"]
    assert_frozen(http)


def assert_frozen(http: httpx.Client) -> None:
    http.put("/conversations/hello", json={"subject": "Later", "custom": {"later": "yes"}})
    http.delete("/conversations/hello/participants/alice")
    http.put("/conversations/hello/participants/alice")
    http.put("/conversations/hello/participants/carol")
    say(http, "after")
    (seen,) = mine(http)
    assert (seen["subject"], seen["lastMessage"]["text"], seen["custom"]) == ("Hello", "before", {})
    assert seen["participants"].keys() == {"alice", "bob"}
    texts = [m["text"] for m in http.get("/conversations/hello/messages", params={"asUser": "bob"}).json()["data"]]
    assert texts == ["before"]
    assert http.put("/conversations/hello/participants/bob").status_code == 200
    texts = [m["text"] for m in http.get("/conversations/hello/messages", params={"asUser": "bob"}).json()["data"]]
    assert texts == ["after", "before"]
    assert mine(http)[0]["subject"] == "Later"


def test_who_never_joined_sees_nothing(http: httpx.Client) -> None:
    assert mine(http, "dave") == []
    assert http.get("/conversations/hello/messages", params={"asUser": "dave"}).status_code == 404


@pytest.mark.parametrize(("version", "status"), [*((v, 200) for v in (*OLD, "2021-07-30")), ("2024-01-01", 404)])
def test_the_list_of_an_unknown_user(http: httpx.Client, version: str, status: int) -> None:
    answer = http.get("/users/nobody/conversations", headers={"TalkJS-REST-Version": version})
    assert answer.status_code == status


@pytest.fixture
def many(http: httpx.Client, cast: Cast) -> httpx.Client:
    with cast.database.transaction() as session:
        for i in range(5):
            conversations.put(
                session, ConversationKey(cast.app_id, f"c{i}"), {"custom": {"n": str(i), "even": str(i % 2 == 0)}}
            )
    for i in range(5):
        assert http.put(f"/conversations/c{i}/participants/bob").status_code == 200
    return http


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return [row["id"] for row in rows]


def test_order_and_pages(many: httpx.Client) -> None:
    everything = ids(mine(many, orderBy="createdAt", orderDirection="ASC"))
    assert everything == ["hello", "c0", "c1", "c2", "c3", "c4"] or sorted(everything[1:]) == sorted(everything)[:5]
    say(many, "again")
    assert ids(mine(many))[0] == "hello"  # by last activity, newest first
    for query in ({}, {"orderBy": "createdAt"}, {"orderDirection": "ASC"}):
        whole = ids(mine(many, **query))
        paged, after = [], {}
        while page := ids(mine(many, limit=2, **after, **query)):
            paged += page
            after = {"startingAfter": page[-1]}
        assert paged == whole


def test_filters(many: httpx.Client) -> None:
    listed = many.get("/conversations", params={"filter": '{"custom": {"even": "True"}}'}).json()["data"]
    assert sorted(ids(listed)) == ["c0", "c2", "c4"]
    twice = "%257B%2522custom%2522%253A%257B%2522n%2522%253A%25221%2522%257D%257D"
    assert ids(many.get(f"/conversations?filter={twice}").json()["data"]) == ["c1"]
    one_of = '{"custom": {"n": ["oneOf", ["1", "3"]]}}'
    assert sorted(ids(many.get("/conversations", params={"filter": one_of}).json()["data"])) == ["c1", "c3"]
    absent = '{"custom": {"n": "!exists"}}'
    assert ids(many.get("/conversations", params={"filter": absent}).json()["data"]) == ["hello"]
    assert ids(mine(many, unreadsOnly="true")) == ["hello"]
    last = mine(many, unreadsOnly="true")[0]["lastMessage"]["createdAt"]
    assert ids(mine(many, lastMessageAfter=last - 1000)) == ["hello"]
    assert ids(mine(many, lastMessageBefore=last)) == []
    assert "hello" not in ids(mine(many, offsetTs=last))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("orderBy", "name"),
        ("orderDirection", "up"),
        ("unreadsOnly", "yes"),
        ("limit", "0"),
        ("limit", "101"),
        ("limit", "ten"),
        ("offsetTs", "yesterday"),
        ("lastMessageBefore", "-1"),
        ("lastMessageAfter", "9" * 40),
        ("filter", "custom"),
        ("filter", '{"subject": "x"}'),
        ("filter", '{"custom": {"a": ["like", "x"]}}'),
    ],
)
def test_a_wrong_query_is_named(http: httpx.Client, name: str, value: str) -> None:
    answer = http.get("/users/bob/conversations", params={name: value})
    assert answer.status_code == 400
    assert name in next(iter(answer.json()["reasons"]))


def test_delete_takes_everything_away(http: httpx.Client) -> None:
    address = http.get("/conversations/hello/participants/bob/email").json()["emailAddress"]
    assert http.delete("/conversations/hello").json() == {}
    assert http.get("/conversations/hello").status_code == 404
    assert http.delete("/conversations/hello").status_code == 404
    assert mine(http) == []
    http.put("/conversations/hello", json={"subject": "New"})
    http.put("/conversations/hello/participants/bob")
    assert http.get("/conversations/hello/messages").json()["data"] == []
    assert http.get("/conversations/hello/participants/bob/email").json()["emailAddress"] != address


def test_users_map_is_all_or_nothing(http: httpx.Client) -> None:
    good = {"erin": {"name": "Erin", "email": "erin@example.com"}, "bob": {"name": "Robert"}}
    assert http.put("/users", json=good).json() == {}
    bad = http.put("/users", json={"frank": {"name": "Frank"}, "grace": {"email": "no"}})
    assert bad.status_code == 400
    assert next(iter(bad.json()["reasons"])) == "grace.email"
    assert http.get("/users/frank").status_code == 404
    nameless = http.put("/users", json={"frank": {"name": "Frank"}, "heidi": {}})
    assert (nameless.status_code, next(iter(nameless.json()["reasons"]))) == (400, "heidi.name")
    assert http.get("/users/frank").status_code == 404
    assert http.put("/users", json={str(i): {"name": "x"} for i in range(101)}).status_code == 400
    users = ids(http.get("/users", params={"limit": 100}).json()["data"])
    assert sorted(users) == ["alice", "bob", "carol", "dave", "erin"]
    assert ids(http.get("/users", params={"limit": 2, "startingAfter": users[1]}).json()["data"]) == users[2:4]
