"""Successes: recorded by one statement; an endpoint that failed before, and a lost claim, are left to `results`."""

import asyncio

from support.cast import Cast
from support.sql import column, rows
from support.webhook_receiver import subscribe

from mailtalk import clock
from mailtalk.db.kept_connection import KeptConnection
from mailtalk.events import record as events
from mailtalk.events.record import Happened
from mailtalk.keys import Keyring
from mailtalk.mail import address
from mailtalk.vocabulary import EventType
from mailtalk.webhooks import fanout, queue, successes
from mailtalk.webhooks.http_client import HttpResult
from mailtalk.webhooks.results import Attempt


def first_attempts(cast: Cast, keyring: Keyring, conversations: int) -> list[Attempt]:
    """Claim a queue for each conversation, and succeed with its first event of two."""
    subscribe(cast, keyring, "http://127.0.0.1/")
    names = [f"c{number}" for number in range(conversations)]
    with cast.database.transaction() as session:
        happened = [Happened(cast.app_id, EventType.MESSAGE_SENT, {}, name) for name in names * 2]
        events.record_many(session, happened, clock.now())
    with cast.database.transaction() as session:
        fanout.fan_out(session, clock.now())
        claimed = queue.claim(session, clock.now(), 1, conversations)
        runs = queue.next_deliveries(session, claimed)
    return [Attempt(run.queue, run.deliveries[0], HttpResult(204, "bob@example.com"), clock.now()) for run in runs]


def record(cast: Cast, attempts: list[Attempt]) -> set[int]:
    """Ids of the deliveries that were recorded."""

    async def write() -> set[int]:
        kept = KeptConnection(cast.database)
        try:
            return {row[0] for row in await kept.write(successes.RECORD, successes.parameters(attempts))}
        finally:
            await kept.close()

    return asyncio.run(write())


def test_many_are_recorded_at_once(cast: Cast, keyring: Keyring) -> None:
    attempts = first_attempts(cast, keyring, queue.AT_ONCE)
    assert record(cast, attempts) == {attempt.delivery.id for attempt in attempts}
    sent = rows(cast.database, "SELECT * FROM webhook_deliveries WHERE stage = 'sent'")
    assert {row.id for row in sent} == {attempt.delivery.id for attempt in attempts}
    reply = address.hidden("bob@example.com")
    assert {(row.status, row.attempts, row.reply, row.ended_at is None) for row in sent} == {(204, 1, reply, False)}
    assert set(column(cast.database, "SELECT pending FROM webhook_lanes")) == {1}
    assert record(cast, attempts[:1]) == {attempts[0].delivery.id}  # a repeat counts out, as `results` does
    assert len(rows(cast.database, "SELECT 1 FROM webhook_deliveries WHERE attempts = 1")) == queue.AT_ONCE


def test_what_needs_more_is_not_recorded(cast: Cast, keyring: Keyring) -> None:
    attempts = first_attempts(cast, keyring, 2)
    rows(cast.database, "UPDATE webhook_lanes SET claim = NULL WHERE lane = :name", name=attempts[0].queue.name)
    assert record(cast, attempts) == {attempts[1].delivery.id}
    rows(cast.database, "UPDATE webhooks SET failing_since = now()")
    assert record(cast, attempts) == set()
