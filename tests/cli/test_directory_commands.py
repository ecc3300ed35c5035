"""`mailtalk users`, `mailtalk conversations`, `mailtalk app delete`: what an app has, and its end."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from support.cast import Cast
from support.command_line import Command, command
from support.outbox import Post
from support.sql import column, rows, subscribe

from mailtalk import clock
from mailtalk.keys import Keyring
from mailtalk.models import Base
from mailtalk.outbound import suppressions
from mailtalk.support import app_removal
from mailtalk.vocabulary import Suspicion


@pytest.fixture
def mailtalk(database_url: str, tmp_path: Path) -> Command:
    return command(database_url, tmp_path)


def test_users_are_listed_searched_and_shown(mailtalk: Command, cast: Cast) -> None:
    cast.join("alice", "bob")
    with cast.database.transaction() as session:
        suppressions.suppress(
            session, clock.now(), "demo", "bob@example.com", Suspicion.DEAD, "5.1.1", timedelta(days=1)
        )
    everybody = json.loads(mailtalk("users", "list", "--json").stdout)
    assert [row["id"] for row in everybody] == ["dave", "carol", "bob", "alice"]
    assert json.loads(mailtalk("users", "list", "--search", "BOB@", "--json").stdout) == [everybody[2]]
    assert "dave" in mailtalk("users", "list", "--limit", "1").stdout
    assert "alice" in mailtalk("users", "list", "--after", "bob").stdout
    shown = mailtalk("users", "show", "bob").stdout
    assert "suppressed      bob@example.com (dead)" in shown
    assert "hello" in shown
    details = json.loads(mailtalk("users", "show", "bob", "--json").stdout)
    assert (details["user"], details["conversations"][0]["id"]) == (everybody[2], "hello")
    assert "no user 'nobody'" in mailtalk("users", "show", "nobody", code=1).stderr


def test_a_user_is_erased_if_one_says_so(mailtalk: Command, cast: Cast) -> None:
    cast.join("alice", "bob")
    cast.say("bob", "hi")
    assert mailtalk("users", "delete", "bob", code=1).stdout.startswith("Erase Bob (bob), for good?")
    assert mailtalk("users", "delete", "bob", "--yes").stdout == "Erased Bob (bob).\n"
    assert "no user 'bob'" in mailtalk("users", "show", "bob", code=1).stderr
    assert column(cast.database, "SELECT text FROM messages WHERE starts_with(sender_id, 'deleted_')") == ["hi"]
    mailtalk("users", "delete", "alice", "--messages", "remove", "--yes")
    assert "no user 'alice'" in mailtalk("users", "delete", "alice", "--yes", code=1).stderr


def test_conversations_are_listed_and_searched(mailtalk: Command, cast: Cast) -> None:
    cast.join("alice", "bob")
    (row,) = json.loads(mailtalk("conversations", "list", "--json", "--user", "bob").stdout)
    assert (row["id"], row["subject"], row["participants"], row["messages"]) == ("hello", "Hello", 2, 0)
    assert "Hello" in mailtalk("conversations", "list", "--search", "hell").stdout
    assert mailtalk("conversations", "list", "--user", "carol").stdout == "No such conversations.\n"


@pytest.fixture
def full(cast: Cast, keyring: Keyring) -> Cast:
    """An app with rows in most tables, and another one beside it."""
    cast.join("alice", "bob")
    subscribe(cast.database)
    post = Post(cast, keyring)
    post.say("alice", "hi")
    assert post.mailed(30) == ["bob"]
    other = Cast.introduce(cast.database, keyring, "Other")
    other.join("alice", "bob")
    for app_id in ("demo", "other"):
        rows(
            cast.database,
            """WITH raw AS (INSERT INTO raw_mails (sealed, mail_from, received_at) VALUES ('', '', now()) RETURNING id)
            INSERT INTO inbound_mails (app_id, raw_id, purpose, received_at)
            SELECT :app, id, 'reply', now() FROM raw""",
            app=app_id,
        )
    return cast


def kept(cast: Cast, app_id: str) -> dict[str, int]:
    """Tables with rows of an app, and the number."""
    tables = [table.name for table in Base.metadata.sorted_tables if "app_id" in table.c]
    count = "SELECT count(*) FROM {} WHERE app_id = :app"
    counts = {name: column(cast.database, count.format(name), app=app_id)[0] for name in tables}
    return {name: count for name, count in counts.items() if count}


def test_an_app_is_deleted_with_all_that_it_has_and_no_other(
    mailtalk: Command, full: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app_removal, "BATCH", 2)
    others = kept(full, "other")
    assert {"users", "messages", "deliveries", "inbound_mails", "events"} <= set(kept(full, "demo"))
    assert "Deleted Demo (demo)." in mailtalk("app", "delete", "demo", "--yes").stdout
    assert kept(full, "demo") == {}
    assert kept(full, "other") == others
    assert column(full.database, "SELECT id FROM apps") == ["other"]
    assert column(full.database, "SELECT count(*) FROM raw_mails") == [1]


def test_an_app_is_deleted_only_if_one_says_so(mailtalk: Command, full: Cast) -> None:
    assert mailtalk("app", "delete", "demo", code=1).stdout.startswith("Delete Demo (demo) and everything in it")
    assert column(full.database, "SELECT id FROM apps ORDER BY id") == ["demo", "other"]
    assert "no app 'none'" in mailtalk("app", "delete", "none", "--yes", code=1).stderr


def test_an_address_is_explained_in_any_case_by_an_index(mailtalk: Command, cast: Cast) -> None:
    cast.join("alice", "bob")
    with cast.database.transaction() as session:
        suppressions.suppress(
            session, clock.now(), "demo", "bob@example.com", Suspicion.DEAD, "5.1.1", timedelta(days=1)
        )
    said = json.loads(mailtalk("explain", "--address", "BOB@Example.com", "--json").stdout)
    assert [user["id"] for user in said["users"]] == ["bob"]
    assert [place["conversationId"] for place in said["participations"]] == ["hello"]
    assert said["suppressed"][0]["reason"] == "dead"
    found = "SELECT id FROM users WHERE lowered(emails) @> ARRAY['bob@example.com']"
    with cast.database.transaction() as session:
        session.execute(text("SET LOCAL enable_seqscan = off"))
        plan = "\n".join(session.execute(text(f"EXPLAIN {found}")).scalars())
    assert "ix_users_addresses" in plan
