"""Plans of what people's days are made of: no statement looks at all apps, and every index has a reader."""

import os
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from smtplib import SMTP

import httpx
import pytest
from support.cast import Cast
from support.plans import OPTIONS, CarriedOut, carried_out, write
from support.servers import bridging, make_settings, serving, working
from support.smtp_client import MAIL, address_of
from support.sql import column, rows, subscribe
from support.waiting import until

from cli.local.embedded import Postgres, Valkey
from mailtalk.db.database import Database, migrate
from mailtalk.keys import Keyring

# Twenty other apps of 1,000 users and 200 conversations, and what was done for them.
OTHERS = """
INSERT INTO apps (id, name, secret_sealed, secret_hash)
SELECT 'app' || a, 'App', '', CAST('app' || a AS bytea) FROM generate_series(1, 20) a;
INSERT INTO users (app_id, id, name, emails)
SELECT a.id, 'u' || i, 'User', ARRAY['u' || i || '@example.net'] FROM apps a, generate_series(1, 1000) i;
INSERT INTO conversations (app_id, id, subject, last_seq, last_message_at)
SELECT a.id, 'c' || i, 'Conversation', 10, now() - interval '1 day' FROM apps a, generate_series(1, 200) i;
INSERT INTO participations (app_id, conversation_id, user_id, present, access, notify, joined_at, read_seq)
SELECT c.app_id, c.id, 'u' || u, true, 'ReadWrite', 'All', now(), 10 FROM conversations c, generate_series(1, 5) u;
INSERT INTO messages (app_id, conversation_id, seq, id, type, sender_id, text, origin, created_at)
SELECT c.app_id, c.id, m, 'msg_' || c.id || '_' || m, 'UserMessage', 'u1', 'Hello', 'rest', now() - interval '1 day'
FROM conversations c, generate_series(1, 10) m;
INSERT INTO changes (app_id, conversation_id, user_id, kind, status, requested_at, applied_at)
SELECT app_id, conversation_id, user_id, 'join', 'applied', now(), now() FROM participations;
INSERT INTO events (app_id, type, conversation_id, data, created_at, told_at)
SELECT app_id, 'message.sent', conversation_id, '{}', now(), now() FROM messages;
INSERT INTO addresses (app_id, participation_id, purpose, generation, key_id, hash)
SELECT app_id, id, 'reply', 0, 1, CAST(CAST(id AS text) AS bytea) FROM participations;
INSERT INTO notifications (app_id, conversation_id, user_id, status, from_seq, not_before, created_at, ended_at)
SELECT app_id, conversation_id, user_id, 'made', 1, now(), now(), now() FROM participations;
INSERT INTO deliveries (app_id, id, conversation_id, user_id, address, message_id, body_sealed, stage, not_before,
    created_at, ended_at)
SELECT app_id, gen_random_uuid(), conversation_id, user_id, user_id || '@example.net', '', '', 'sent', now(), now(),
    now() FROM participations;
INSERT INTO inbound_mails (app_id, conversation_id, user_id, participation_id, purpose, outcome, verdict, fingerprint,
    received_at, processed_at)
SELECT app_id, conversation_id, user_id, id, 'reply', 'posted', 'person', CAST(CAST(id AS text) AS bytea), now(), now()
FROM participations;
ANALYZE"""
# The statements of every message, mail and change, for docs/performance.md.
HOT = {
    "changes accepted": r"^(WITH .*)?INSERT INTO changes ",
    "changes: participants read": r"FROM participations p.* AS key|read_participants",
    "message posted: conversation locked": r"^SELECT conversations\..* FOR (NO KEY )?UPDATE",
    "messages listed": r"^SELECT .*FROM messages .*ORDER BY .*LIMIT",
    "window closed": r"range_agg",
    "notifications claimed": r"FROM due n",
    "notifications ended": r"UPDATE notifications n SET status",
    "last mails of the readers": r"k\.address = d\.address|d\.address = k\.address",
    "deliveries claimed": r"UPDATE deliveries d SET claim",
    "delivery sent and recorded": r"UPDATE deliveries d SET stage",
    "recipient recognised": r"^SELECT a\.hash, a\.purpose",
    "mails stored": r"INSERT INTO raw_mails",
    "inbound mails claimed": r"UPDATE inbound_mails .*SET worker_id = ",
    "what the checks need": r"^SELECT m\.id AS mail_id",
    "messages of mails written": r"INSERT INTO messages",
    "inbound mails ended": r"UPDATE inbound_mails m SET purpose",
}

PAGES = 500  # of 8 kB that a statement may look at here; a scan of any of the tables would be more
OF_AN_APP = {
    *("users", "conversations", "participations", "messages", "addresses", "changes"),
    *("notifications", "deliveries", "events"),
}
# Statements that are about all apps, or that do not know the app yet, and why that costs no more with more apps.
ACROSS = (
    r"^SELECT least\(",  # due times of the sweep: each the first entry of an index
    r"WITH RECURSIVE",  # turns: from app to app in an index
    r"told_at IS NULL LIMIT 1$|^SELECT 1 FROM changes WHERE status = 'pending' AND \(not_before",  # does any row wait?
    r"^SELECT app_id, conversation_id FROM \( SELECT app_id, conversation_id FROM changes WHERE status = 'pending'",
    r"d\.reply AS change, ARRAY",  # the changes, and the outdated mails, that wait: all of them are taken next
    r"^DELETE|^WITH (old|ended) AS \( DELETE",  # once an hour: what is old
    r"^UPDATE .*SET (window_opened_at|not_before|rests_until|next_at)",  # once a minute: due times too far ahead
    r"worker_id IN \( SELECT",  # claims of dead workers
    r"^SELECT a.hash, a.purpose",  # an inbound address is all that a mail tells
    r"FROM inbound_mails m .*m\.id = ",  # mails that were claimed, by id
    r"^SELECT 1 FROM (deliveries|messages) WHERE",  # this test's own
)


@pytest.fixture(scope="module")
def day(valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[CarriedOut]]:
    """A day in an app among others: every statement that the processes had carried out."""
    postgres = Postgres(tmp_path_factory.mktemp("plans") / "data", options=OPTIONS)
    postgres.start()
    try:
        yield carried_out(_log_of_a_day(postgres, valkey))
    finally:
        postgres.stop()


def _log_of_a_day(postgres: Postgres, valkey: Valkey) -> str:
    migrate(postgres.url)
    settings = make_settings(database_url=postgres.url, redis_url=valkey.url)
    keyring = Keyring.from_setting(settings.require("secret_key"))
    with closing(Database(postgres.url)) as database:
        for statement in OTHERS.split(";"):
            rows(database, statement)
        cast = Cast.introduce(database, keyring)
        subscribe(database, cast.app_id)
        start = postgres.log.stat().st_size
        with serving(settings) as api, working(settings), bridging(settings) as bridge:
            _live(cast, keyring, api, bridge)
    return postgres.log.read_bytes()[start:].decode()


def _live(cast: Cast, keyring: Keyring, api: str, bridge: tuple[str, int]) -> None:
    """Join, write, read, be mailed, answer, and leave."""
    with httpx.Client(
        base_url=f"{api}/v1/{cast.app_id}", headers={"Authorization": f"Bearer {cast.secret}"}, timeout=60
    ) as client:
        here = "/conversations/hello"
        for user in ("alice", "bob", "carol"):
            client.put(f"{here}/participants/{user}", json={}).raise_for_status()
        message = [{"text": "Hello", "sender": "alice", "type": "UserMessage"}]
        client.post(f"{here}/messages", json=message).raise_for_status()
        until(lambda: column(cast.database, "SELECT 1 FROM deliveries WHERE stage = 'captured'")[1:])
        with SMTP(*bridge) as smtp:
            smtp.sendmail("bob@example.com", address_of(cast, keyring, "bob"), MAIL)
        until(lambda: column(cast.database, "SELECT 1 FROM messages WHERE origin = 'email'"))
        for path in (
            "/users",
            "/conversations",
            "/users/bob/conversations",
            f"{here}/messages",
            f"{here}/participants",
        ):
            client.get(path).raise_for_status()
        client.delete(f"{here}/participants/carol").raise_for_status()


def test_no_statement_of_a_person_or_a_backend_looks_at_other_apps(day: list[CarriedOut]) -> None:
    """A shard by app needs that each access to rows of an app names the app, but for those that cannot."""
    across = {
        f"{scan.table} by {scan.index or 'a scan of all'}: {statement.query[:200]}"
        for statement in day
        if not any(re.search(form, statement.query) for form in ACROSS)
        for scan in statement.scans
        if scan.table in OF_AN_APP and "app_id" not in scan.conditions
    }
    assert sorted(across) == []
    assert {scan.table for statement in day for scan in statement.scans} >= OF_AN_APP


def test_hot_statements_find_their_rows_by_keys(day: list[CarriedOut], here: Path) -> None:
    """The table of docs/performance.md, which is written anew if PLANS is set."""
    plans = {name: [each for each in day if re.search(form, each.query)] for name, form in HOT.items()}
    assert [name for name, found in plans.items() if not found] == []
    assert sorted({each.query[:200] for found in plans.values() for each in found if each.pages > PAGES}) == []
    if os.environ.get("PLANS"):
        write(
            here.parent / "docs/performance.md",
            {name: max(found, key=lambda each: each.pages) for name, found in plans.items()},
        )
