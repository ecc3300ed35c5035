"""Batches: what they cost does not depend on their size, or on how much waits; and their mails are decided in order."""

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from support.cast import Cast
from support.inbox import Box, mail
from support.sql import column, raise_for, rows, subscribe
from support.statements import counted

from mailtalk import clock
from mailtalk.conversations import apps, users
from mailtalk.errors import Unavailable
from mailtalk.inbound import claim
from mailtalk.inbound.claim import Turn
from mailtalk.keys import Keyring
from mailtalk.participation.rules import Request
from mailtalk.vocabulary import ChangeKind, Outcome, SenderPolicy

WAITING = """
    WITH raw AS (INSERT INTO raw_mails (sealed, mail_from, received_at) VALUES ('', '', now()) RETURNING id)
    INSERT INTO inbound_mails (raw_id, app_id, conversation_id, user_id, participation_id, purpose, size, received_at)
    SELECT raw.id, :app, 'hello', 'bob', CASE WHEN :many THEN gen_random_uuid() ELSE CAST(:one AS uuid) END,
        'reply', 500, now()
    FROM raw, generate_series(1, :count)"""


@pytest.fixture
def box(cast: Cast, keyring: Keyring) -> Box:
    cast.join("alice", "bob")
    return Box(cast, keyring)


def people(box: Box, count: int) -> list[str]:
    names = [f"person{i}" for i in range(count)]
    with box.cast.database.transaction() as session:
        for name in names:
            users.put(session, box.cast.app_id, name, {"name": name, "emails": [f"{name}@example.com"]})
    for name in names:
        box.cast.accept(name, Request(ChangeKind.JOIN))
    while box.cast.apply():
        pass
    return names


@pytest.mark.parametrize("subscribed", [False, True])
def test_statements_and_commits_do_not_grow_with_the_batch(box: Box, *, subscribed: bool) -> None:
    if subscribed:
        subscribe(box.cast.database)
    rows(box.cast.database, "UPDATE apps SET participant_limit = 1000")
    bearers = [box.bearer(name) for name in people(box, 111)]
    counts = set()
    for start, count in ((0, 1), (1, 10), (11, 100)):
        for bearer in bearers[start : start + count]:
            box.receive(mail(f"Hello @Alice from {bearer.user_id}"), bearer)
        with counted(box.cast.database) as statements:
            assert box.process()
        assert column(box.cast.database, "SELECT count(*) FROM messages") == [start + count]
        counts.add(statements.counts)
    assert len(counts) == 1
    assert counts.pop() <= (25, 3)


def test_one_participants_batch_costs_the_same(box: Box) -> None:
    counts = set()
    for count in (1, 10):
        for number in range(count):
            box.receive(mail(f"{count}, {number}"), box.bearer("bob"))
        with counted(box.cast.database) as statements:
            assert box.process()
        counts.add(statements.counts)
    assert len(counts) == 1
    assert box.texts() == ["1, 0", *(f"10, {number}" for number in range(10))]


@pytest.mark.parametrize("many", [True, False], ids=["of many", "of one"])
def test_a_claim_costs_the_same_however_many_wait(box: Box, *, many: bool) -> None:
    """Counted in pages of the database that are looked at."""
    pages = []
    for count in (200, 100_000):
        values = {"app": box.cast.app_id, "count": count, "many": many, "one": "1" * 32}
        rows(box.cast.database, WAITING, **values)
        pages.append(_pages(box, Turn()))
    assert pages[1] < 2 * pages[0]


def _pages(box: Box, turn: Turn) -> int:
    values = claim._values(clock.now(), turn) | {"worker": 1}
    with box.cast.database.engine.connect() as connection:
        connection.execute(text("ANALYZE inbound_mails"))
        explained: Any = connection.scalar(text(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {claim._CLAIM.text}"), values)
        connection.rollback()
    plan = explained[0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


def test_apps_take_turns(box: Box, keyring: Keyring) -> None:
    """One mail of a small app is in the first batch, however many of another app wait."""
    rows(box.cast.database, WAITING, app=box.cast.app_id, count=1_000, many=True, one="1" * 32)
    other = Cast.introduce(box.cast.database, keyring, "Other")
    other.join("bob")
    Box(other, keyring).receive(mail(), Box(other, keyring).bearer("bob"))
    with box.cast.database.transaction() as session:
        claimed = claim.claim(session, clock.now(), 1, Turn())
    assert [each.app_id for each in claimed].count(other.app_id) == 1


def test_mail_to_postmaster_has_a_small_share(box: Box) -> None:
    rows(
        box.cast.database,
        """WITH raw AS (INSERT INTO raw_mails (sealed, mail_from, received_at) VALUES ('', '', now()) RETURNING id)
        INSERT INTO inbound_mails (raw_id, purpose, size, received_at)
        SELECT raw.id, 'postmaster', 1, now() FROM raw, generate_series(1, 10000)""",
    )
    box.receive(mail(), box.bearer("bob"))
    with box.cast.database.transaction() as session:
        claimed = claim.claim(session, clock.now(), 1, Turn())
    assert [each.user_id for each in claimed].count("bob") == 1
    assert len(claimed) == 1 + claim.OTHERS


def test_a_batch_is_bounded_by_its_bytes(box: Box) -> None:
    for _ in range(3):
        box.receive(mail(), box.bearer("bob"))
    rows(box.cast.database, "UPDATE inbound_mails SET size = :size", size=claim.BATCH_BYTES - 1)
    with box.cast.database.transaction() as session:
        assert len(claim.claim(session, clock.now(), 1, Turn())) == 1


def test_what_a_dead_worker_had_claimed_is_free_again(box: Box) -> None:
    box.receive(mail(), box.bearer("bob"))
    with box.cast.database.transaction() as session:
        assert len(claim.claim(session, clock.now(), 7, Turn())) == 1
    assert not box.process()
    with box.cast.database.transaction() as session:
        assert claim.recover(session) == 1
    assert box.outcomes() == [("posted", "whole")]


def test_a_worker_that_lost_its_claim_writes_nothing(box: Box) -> None:
    """It was taken for dead while it read; the other one posts the mail, and it is posted once."""
    box.receive(mail(), box.bearer("bob"))
    slow = box.processor(1)
    with box.cast.database.transaction() as session:
        mails = claim.claim(session, clock.now(), 1, Turn())
        claim.release(session, 1, [mails[0].id])
    assert box.process(worker_id=2)
    slow._process(1, mails)
    slow.close()
    assert box.texts() == ["Hello from Bob"]
    assert column(box.cast.database, "SELECT outcome FROM inbound_mails") == [Outcome.POSTED]


def test_one_bad_mail_does_not_hurt_its_neighbours(box: Box) -> None:
    raise_for(box.cast.database, "messages", "NEW.text LIKE '%person7'")
    for name in people(box, 12):
        box.receive(mail(f"from {name}"), box.bearer(name))
    assert [outcome for outcome, _ in box.outcomes()].count("posted") == 11
    assert column(box.cast.database, "SELECT user_id FROM inbound_mails WHERE outcome = 'received'") == ["person7"]
    assert column(box.cast.database, "SELECT count(*) FROM inbound_mails WHERE worker_id IS NOT NULL") == [0]


def test_whatever_ends_a_batch_releases_its_claims(box: Box) -> None:
    raise_for(box.cast.database, "inbound_mails", "NEW.outcome <> 'received' OR NEW.attempts > 0")
    box.receive(mail(), box.bearer("bob"))
    with pytest.raises(DBAPIError):
        box.process()
    assert column(box.cast.database, "SELECT count(*) FROM inbound_mails WHERE worker_id IS NOT NULL") == [0]


def test_a_mail_that_the_end_of_its_worker_interrupts_is_no_failed_attempt(box: Box) -> None:
    with box.cast.database.transaction() as session:
        apps.put(session, box.cast.app_id, {"sender_policy": SenderPolicy.AUTHENTICATED})
    box.receive(mail(), box.bearer("bob"))
    processor = box.processor()
    processor.close()
    with pytest.raises(Unavailable):
        processor.step(Turn(proving=True))
    assert rows(box.cast.database, "SELECT attempts, worker_id FROM inbound_mails") == [(0, None)]
