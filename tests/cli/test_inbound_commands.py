"""`mailtalk inbound`: what became of each mail, and having one processed again."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.cast import Cast
from support.command_line import Command, command
from support.inbox import Box, mail, quarantined
from support.sql import column, rows

from mailtalk.inbound import receive
from mailtalk.keys import Keyring


@pytest.fixture
def mailtalk(database_url: str, tmp_path: Path) -> Command:
    return command(database_url, tmp_path)


@pytest.fixture
def box(cast: Cast, keyring: Keyring) -> Box:
    cast.join("alice", "bob")
    return Box(cast, keyring)


def listed(mailtalk: Command, *options: str) -> list[Any]:
    found: list[Any] = json.loads(mailtalk("inbound", "list", "--json", *options).stdout)
    return found


def test_help_teaches(mailtalk: Command) -> None:
    said = mailtalk("inbound", "--help").stdout
    for word in ("quarantined", "no-access", "dns-temperror", "--raw", "MAILTALK_RAW_MAIL_DAYS"):
        assert word in said


def test_list_shows_the_newest_first_and_what_was_found(mailtalk: Command, box: Box) -> None:
    assert mailtalk("inbound", "list").stdout == "No inbound mails.\n"
    box.receive(mail(), box.bearer("bob"))
    box.receive(mail(""), box.bearer("alice"), receive.POSTMASTER)
    box.outcomes()
    head, first, *_ = mailtalk("inbound", "list").stdout.splitlines()
    assert head.split() == ["ID", "RECEIVED", "APP", "CONVERSATION", "USER", "OUTCOME", "VERDICT", "REASON"]
    assert first.split()[2:] == ["-", "-", "-", "ignored", "postmaster", "postmaster"]
    assert [each["userId"] for each in listed(mailtalk)] == [None, "alice", "bob"]
    assert [each["userId"] for each in listed(mailtalk, "--app", "demo", "--limit", "1")] == ["alice"]
    assert [each["verdict"] for each in listed(mailtalk, "--user", "bob", "--conversation", "hello")] == ["person"]
    assert [each["verdict"] for each in listed(mailtalk, "--outcome", "ignored", "--app", "demo")] == ["empty"]
    assert "no app 'none'" in mailtalk("inbound", "list", "--app", "none", code=1).stderr
    assert "lost" in mailtalk("inbound", "list", "--outcome", "lost", code=2).stderr


def test_show_one_and_its_bytes(mailtalk: Command, box: Box) -> None:
    box.receive(mail("Yes\r\n\r\nOn Monday, Alice wrote:\r\n> Nine?"), box.bearer("bob"))
    box.outcomes()
    (one,) = listed(mailtalk)
    shown = json.loads(mailtalk("inbound", "show", str(one["id"]), "--json").stdout)
    assert (shown["outcome"], shown["messageId"]) == ("posted", column(box.cast.database, "SELECT id FROM messages")[0])
    assert "> Nine?" in shown["elided"]
    assert "outcome         posted" in mailtalk("inbound", "show", str(one["id"])).stdout
    raw = mailtalk("inbound", "show", str(one["id"]), "--raw").stdout_bytes
    assert raw == mail("Yes\r\n\r\nOn Monday, Alice wrote:\r\n> Nine?")
    rows(box.cast.database, "DELETE FROM raw_mails")
    assert "purged" in mailtalk("inbound", "show", str(one["id"]), "--raw", code=1).stderr


def test_release_and_replay(mailtalk: Command, cast: Cast) -> None:
    cast.join("alice")
    on_the_wire = quarantined(cast, "alice")
    mail_id = on_the_wire.removeprefix("mail_")
    assert "is received: a worker will process it" in mailtalk("inbound", "release", on_the_wire).stdout
    rows(cast.database, "UPDATE inbound_mails SET outcome = 'ignored'")
    assert "it is ignored, not quarantined" in mailtalk("inbound", "release", mail_id, code=1).stderr
    assert "is received" in mailtalk("inbound", "replay", mail_id).stdout
    rows(cast.database, "UPDATE inbound_mails SET outcome = 'posted'")
    assert "it had its effect" in mailtalk("inbound", "replay", mail_id, code=1).stderr


@pytest.mark.parametrize("verb", ["show", "replay", "release"])
def test_an_unknown_mail_is_exit_1(mailtalk: Command, cast: Cast, verb: str) -> None:
    assert "no mail 77" in mailtalk("inbound", verb, "77", code=1).stderr


@pytest.mark.parametrize("word", ["0", "mail_0", "mail_", "msg_1", "mail_1x"])
def test_what_is_no_id_is_exit_2(mailtalk: Command, word: str) -> None:
    assert "Invalid value for 'ID'" in mailtalk("inbound", "show", word, code=2).stderr


def test_a_policy_is_set_for_an_app(mailtalk: Command, cast: Cast) -> None:
    assert "match" in mailtalk("app", "set", "demo", "--sender-policy", "match").stdout
    assert json.loads(mailtalk("app", "list", "--json").stdout)[0]["senderPolicy"] == "match"
    assert "'anybody' is not one of" in mailtalk("app", "set", "demo", "--sender-policy", "anybody", code=2).stderr
