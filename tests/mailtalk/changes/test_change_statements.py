"""The number of statements and commits does not grow with the changes, conversations and apps of a batch."""

import pytest
from support.cast import Cast
from support.sql import rows
from support.statements import counted

from mailtalk import clock
from mailtalk.changes import apply, idempotency
from mailtalk.changes.idempotency import ChangeRequest, Claim
from mailtalk.changes.log import Requested
from mailtalk.conversations import conversations
from mailtalk.ids import ConversationKey, ParticipantKey
from mailtalk.participation.rules import Request
from mailtalk.vocabulary import Access, ChangeKind, Frequency

KINDS = (
    Request(ChangeKind.JOIN),
    Request(ChangeKind.UPDATE, frequency=Frequency.DAILY),
    Request(ChangeKind.UPDATE, Access.NONE),
)


def prepare(cast: Cast, size: int) -> list[Requested]:
    """Changes of all kinds of effects, in conversations of their own."""
    keys = [ConversationKey(cast.app_id, f"c{i}") for i in range(size)]
    with cast.database.transaction() as session:
        for key in keys:
            conversations.put(session, key, {})
    return [Requested(ParticipantKey(key, "alice"), request, clock.now()) for key in keys for request in KINDS]


@pytest.fixture
def told(cast: Cast) -> Cast:
    webhook = """INSERT INTO webhooks (app_id, id, url, secret_sealed, secret_since, created_at)
        VALUES (:app, 'main', 'https://example.com', '', now(), now())"""
    rows(cast.database, webhook, app=cast.app_id)
    return cast


def test_changes_are_accepted_and_applied_by_the_same_statements_however_many_they_are(told: Cast) -> None:
    counts = set()
    for size in (1, 10, 100):
        requested = prepare(told, size)
        claims = [Claim(told.app_id, f"{size}-{i}", b"") for i in range(len(requested))]
        arrivals = [ChangeRequest([change], claim) for change, claim in zip(requested, claims, strict=True)]
        with counted(told.database) as statements:
            with told.database.transaction() as session:
                idempotency.accept(session, arrivals)
            with told.database.transaction() as session:
                ended = apply.apply(session, clock.now())
        assert [change.error_code for change in ended or ()] == [None] * len(requested)
        counts.add(statements.counts)
    assert len(counts) == 1, counts
