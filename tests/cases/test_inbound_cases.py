"""Mails that failed elsewhere, through real SMTP into the bridge and a worker, each with what its author may expect."""

import json
import smtplib
from base64 import b64decode
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from support.cast import Cast
from support.servers import Copied, Stack, bridging, make_settings, working
from support.smtp_client import address_of
from support.sql import column, rows
from support.waiting import until

from cli.local.embedded import Valkey
from mailtalk import files
from mailtalk.db.database import Database
from mailtalk.keys import Keyring

FOLDER = Path(__file__).parent
CASES = {
    f"{part}/{name}": case
    for part in ("inbound", "clients")
    for name, case in json.loads((FOLDER / part / "expected.json").read_text("utf-8")).items()
}
DOMAIN, PLACEHOLDER = "reply.example.test", b"SECRET@reply.example.test"
KEYRING = Keyring.from_setting("k" * 32)
FATE = "SELECT outcome FROM inbound_mails WHERE app_id = :app AND outcome <> 'received'"


@pytest.fixture(scope="module")
def stack(copied: Copied, valkey: Valkey) -> Iterator[Stack]:
    """A worker and a bridge at the domain that the mails name."""
    with copied() as url:
        settings = make_settings(database_url=url, redis_url=valkey.url, reply_domain=DOMAIN)
        with working(settings), bridging(settings), closing(Database(url)) as database:
            yield Stack("", settings, database)


@pytest.mark.parametrize("name", CASES)
def test_a_mail_comes_to_what_its_author_expects(stack: Stack, name: str) -> None:
    case = CASES[name]
    cast = stack.introduce()
    cast.join("alice", "bob")
    address = address_of(cast, KEYRING, "bob").replace("reply.localhost", DOMAIN)
    deliver(stack, case.get("envelope_from", "bob@example.com"), address, (FOLDER / name).read_bytes())
    outcome = until(lambda: column(stack.database, FATE, app=cast.app_id))[0]
    check(case["expect"], outcome, Posted(cast), address)


def test_an_invitation_is_announced_in_its_authors_language(stack: Stack) -> None:
    cast = stack.introduce()
    cast.join("alice", "bob")
    with stack.database.transaction() as session:
        session.execute(text("UPDATE users SET locale = 'de-AT' WHERE app_id = :app"), {"app": cast.app_id})
    address = address_of(cast, KEYRING, "bob").replace("reply.localhost", DOMAIN)
    deliver(stack, "bob@example.com", address, (FOLDER / "inbound/43-invite-as-recommended.eml").read_bytes())
    until(lambda: column(stack.database, FATE, app=cast.app_id))
    assert Posted(cast).texts[0].startswith("Einladung: Kickoff, Do., 3. Dez. 09:00–09:30 UTC")


class Posted:
    """What the conversation shows after the mail."""

    def __init__(self, cast: Cast) -> None:
        messages = rows(
            cast.database, "SELECT text, elided FROM messages WHERE app_id = :a ORDER BY seq", a=cast.app_id
        )
        self.texts = [row.text for row in messages]
        self.elided = [row.elided or "" for row in messages]
        self.files = dict(_files(cast))
        kinds = "SELECT kind FROM deliveries WHERE app_id = :a AND user_id = 'bob'"
        self.notices = column(cast.database, kinds, a=cast.app_id)


def check(expect: dict[str, Any], outcome: str, posted: Posted, address: str) -> None:
    if expect["outcome"] in {"posted", "not-posted"}:
        assert (outcome == "posted") == (expect["outcome"] == "posted"), outcome
    said = "\n".join(posted.texts)
    assert "text" not in expect or posted.texts[0] == expect["text"]
    assert [each for each in expect.get("contains", ()) if each not in said] == []
    assert [each for each in expect.get("not_contains", ()) if each in said] == []
    assert "attachments" not in expect or len(posted.files) == len(expect["attachments"])
    assert len(posted.files) == expect.get("files", len(posted.files))
    assert set(expect.get("files_with", ())) <= posted.files.keys()
    assert not expect.get("told") or "rejection" in posted.notices
    secret = address.partition("@")[0]
    shown = "\n".join((said, *posted.elided, *map(readable, posted.files.values())))
    assert secret not in shown.lower()


def deliver(stack: Stack, sender: str, address: str, raw: bytes) -> None:
    content = b"\r\n".join(raw.replace(PLACEHOLDER, address.encode()).replace(b"\r\n", b"\n").split(b"\n"))
    with smtplib.SMTP(stack.settings.smtp_host, stack.settings.smtp_port, timeout=30) as client:
        assert client.sendmail(sender, [address], content) == {}


def readable(content: bytes) -> str:
    """A file's bytes as they stand, and as base64 would hide them."""
    try:
        inner = b64decode(content, validate=False)
    except ValueError:
        inner = b""
    return (content + b"\n" + inner).decode("latin-1")


def _files(cast: Cast) -> Iterator[tuple[str, bytes]]:
    found = rows(cast.database, "SELECT id, name FROM files WHERE app_id = :app", app=cast.app_id)
    with cast.database.transaction() as session:
        for row in found:
            file = files.find(session, cast.app_id, UUID(str(row.id)))
            assert file is not None
            yield row.name, files.part(session, KEYRING, file, 0) or b""
