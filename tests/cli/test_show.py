import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.cast import Cast
from support.command_line import Command, command

from mailtalk import clock
from mailtalk.conversations import apps
from mailtalk.keys import Keyring
from mailtalk.models import Participation
from mailtalk.notifications import windows
from mailtalk.notifications.windows import Pace
from mailtalk.participation import addresses
from mailtalk.participation.rules import Request
from mailtalk.vocabulary import Access, ChangeKind, Notify, Purpose


@pytest.fixture
def mailtalk(database_url: str, tmp_path: Path) -> Command:
    return command(database_url, tmp_path)


def log(mailtalk: Command, *options: str) -> list[Any]:
    return json.loads(mailtalk("changes", "--app", "demo", "hello", "--json", *options).stdout)


def shown(mailtalk: Command, *options: str) -> dict[str, Any]:
    return json.loads(mailtalk("conversations", "show", "--app", "demo", "hello", "--json", *options).stdout)


def test_changes_are_newest_first_with_the_order_in_which_they_took_effect(mailtalk: Command, cast: Cast) -> None:
    cast.join("alice", "bob", notify=Notify.OFF)
    cast.leave("alice")
    cast.accept("carol", Request(ChangeKind.JOIN))
    assert [(each["userId"], each["kind"], each["appliedSeq"], each["status"]) for each in log(mailtalk)] == [
        ("carol", "join", None, "pending"),
        ("alice", "leave", 3, "applied"),
        ("bob", "join", 2, "applied"),
        ("alice", "join", 1, "applied"),
    ]
    first, second = mailtalk("changes", "--app", "demo", "hello").stdout.splitlines()[:2]
    assert first.split()[:5] == ["ORDER", "CHANGE", "USER", "ACCESS", "NOTIFY"]
    assert second.split()[:3] == ["-", "join", "carol"]


def test_changes_of_one_user_and_so_many(mailtalk: Command, cast: Cast) -> None:
    cast.join("alice", "bob", "carol")
    assert [each["userId"] for each in log(mailtalk, "--user", "bob")] == ["bob"]
    assert [each["userId"] for each in log(mailtalk, "--limit", "2")] == ["carol", "bob"]
    assert log(mailtalk, "--user", "dave") == []


def test_a_rejected_change_shows_why(mailtalk: Command, cast: Cast) -> None:
    assert cast.change("alice", Request(ChangeKind.UPDATE)) == "PARTICIPANT_NOT_FOUND"
    assert "PARTICIPANT_NOT_FOUND" in mailtalk("changes", "--app", "demo", "hello").stdout


def test_a_conversation_without_changes_says_so(mailtalk: Command, cast: Cast) -> None:
    assert mailtalk("changes", "--app", "demo", "hello").stdout == "No changes yet.\n"


@pytest.mark.parametrize("command", [("changes",), ("conversations", "show")])
def test_unknown_apps_and_conversations_are_exit_1(mailtalk: Command, cast: Cast, command: tuple[str, ...]) -> None:
    assert "no app 'nobody'" in mailtalk(*command, "--app", "nobody", "hello", code=1).stderr
    assert "no conversation 'none'" in mailtalk(*command, "--app", "demo", "none", code=1).stderr


def test_the_only_app_need_not_be_named(mailtalk: Command, cast: Cast, keyring: Keyring) -> None:
    cast.join("alice")
    assert mailtalk("changes", "hello").stdout == mailtalk("changes", "hello", "--app", "demo").stdout
    with cast.database.transaction() as session:
        apps.create(session, keyring, "Other")
    assert "there are 2 apps; choose one with --app: demo, other" in mailtalk("changes", "hello", code=2).stderr


def test_without_an_app_a_command_says_how_to_make_one(mailtalk: Command) -> None:
    assert 'mailtalk app create "My app"' in mailtalk("suppressions", "list", code=2).stderr


def test_one_app_does_not_see_anothers(mailtalk: Command, cast: Cast, keyring: Keyring) -> None:
    with cast.database.transaction() as session:
        apps.create(session, keyring, "Other")
    assert "no conversation" in mailtalk("conversations", "show", "--app", "other", "hello", code=1).stderr


def test_show_tells_who_is_there_and_what_each_sees(mailtalk: Command, cast: Cast) -> None:
    cast.join("alice", "bob", "carol", "dave", access=Access.READ_WRITE)
    cast.say("alice", "one", "two")
    until = clock.now() + timedelta(hours=1)
    cast.change("bob", Request(ChangeKind.UPDATE, Access.READ, Notify.MENTIONS_ONLY, until))
    cast.change("carol", Request(ChangeKind.UPDATE, Access.NONE))
    cast.leave("dave")
    people = {each["userId"]: each for each in shown(mailtalk)["participants"]}
    assert {"state": "active", "sees": "all", "muteUntil": None}.items() <= people["alice"].items()
    assert {"access": "Read", "notify": "MentionsOnly"}.items() <= people["bob"].items()
    assert people["bob"]["muteUntil"].startswith(until.strftime("%Y-%m-%dT%H:"))
    assert {"state": "none", "sees": "frozen", "seesUpTo": 2}.items() <= people["carol"].items()
    assert {"state": "left", "sees": "nothing"}.items() <= people["dave"].items()
    assert shown(mailtalk)["counts"]["participants"] == 2
    assert shown(mailtalk)["counts"]["others"] == 2


def test_show_tells_of_messages_the_window_and_pending_notifications(mailtalk: Command, cast: Cast) -> None:
    cast.join("alice", "bob")
    assert "not open" in mailtalk("conversations", "show", "--app", "demo", "hello").stdout
    cast.say("alice", "\n first line \nsecond line", pace=Pace(timedelta(seconds=5), timedelta(seconds=9)))
    now = shown(mailtalk)
    assert now["window"]["fromSeq"] == 1
    assert {"senderId": "alice", "origin": "rest", "firstLine": "first line"}.items() <= now["messages"][0].items()
    assert now["notifications"] == []
    with cast.database.transaction() as session:
        windows.close_windows(session, clock.now() + timedelta(seconds=10))
    now = shown(mailtalk)
    assert now["window"] is None
    assert [each["userId"] for each in now["notifications"]] == ["bob"]
    text = mailtalk("conversations", "show", "--app", "demo", "hello").stdout
    for told in ("Subject       Hello", "2 participants", "1 messages", "first line", "1 pending notifications"):
        assert told in text


def test_show_shows_so_many_and_says_how_many_more(mailtalk: Command, cast: Cast) -> None:
    cast.join("alice", "bob", "carol")
    cast.say("alice", "one", "two", "three")
    text = mailtalk("conversations", "show", "--app", "demo", "hello", "--limit", "1").stdout
    assert text.count("… and 2 more; see --limit") == 2


def test_show_never_shows_a_secret_address(mailtalk: Command, cast: Cast, keyring: Keyring) -> None:
    cast.join("alice", "bob")
    with cast.database.transaction() as session:
        row = session.get_one(Participation, ("demo", "hello", "bob"))
        local = addresses.issue(session, keyring, row, Purpose.REPLY)
    cast.say("alice", f"On Monday Bob <{local}@reply.example> wrote:")
    for options in ((), ("--json",)):
        told = mailtalk("conversations", "show", "--app", "demo", "hello", *options).stdout
        assert local not in told
        assert "(secret)@reply.example" in told


def test_what_others_wrote_does_not_steer_the_terminal(mailtalk: Command, cast: Cast) -> None:
    cast.join("alice", "bob")
    cast.say("alice", "\x1b[2J\x9b31m evil")
    for options in ((), ("--json",)):
        told = mailtalk("conversations", "show", "--app", "demo", "hello", *options).stdout
        assert "evil" in told
        assert all(c.isprintable() or c == "\n" for c in told)
