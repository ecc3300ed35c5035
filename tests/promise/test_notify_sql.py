"""The notify rule in Python and its conditions in SQL say the same of every case: of each state and each message."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import product

import pytest
from sqlalchemy import select
from support.cast import Cast
from support.outbox import START
from support.sql import rows

from mailtalk.db import sql
from mailtalk.models import Participation
from mailtalk.outbound import queue
from mailtalk.participation import notify
from mailtalk.participation.rules import State
from mailtalk.vocabulary import Access, MessageType, Notify, Origin, Reason

SECOND = timedelta(seconds=1)
STATES = [
    State(present, access, setting, mute_until=mute)
    for present, access, setting, mute in product(
        (True, False), Access, Notify, (None, START - SECOND, START, START + SECOND)
    )
]


@dataclass(frozen=True)
class Written:
    type: str
    origin: str
    sender_id: str | None
    mentions: Sequence[str]
    seq: int


MESSAGES = [
    Written(kind, origin, sender, mentions, seq)
    for kind, origin, sender, mentions, seq in product(
        MessageType, (Origin.REST, Origin.EMAIL, Origin.IMPORT), ("alice", "bob", None), ((), ("alice", "bob")), (5, 6)
    )
]
READ_SEQ = 5
CASES = list(product(STATES, MESSAGES))
JUDGED = sql.fragment(
    """
    SELECT $why_not AS why_not, $notifies AS notifies, $barred AS barred,
        $unless_mentioned AS barred_unless_mentioned, $takes_part AS takes_part
    FROM unnest(CAST(:presents AS boolean[]), CAST(:accesses AS text[]), CAST(:notifies AS text[]),
            CAST(:mutes AS timestamptz[]), CAST(:types AS text[]), CAST(:origins AS text[]), CAST(:senders AS text[]),
            CAST(:mentions AS text[]), CAST(:seqs AS bigint[]))
        WITH ORDINALITY AS c (present, access, notify, mute_until, type, origin, sender_id, mentions, seq, i),
        LATERAL (SELECT 'bob' AS user_id, c.present, c.access, c.notify, c.mute_until, :read_seq AS read_seq) AS p,
        LATERAL (SELECT c.type, c.origin, c.sender_id, string_to_array(c.mentions, ',') AS mentions, c.seq) AS m
    ORDER BY i""",
    why_not=notify.WHY_NOT,
    notifies=notify.NOTIFIES,
    barred=notify.BARRED,
    unless_mentioned=notify.BARRED_UNLESS_MENTIONED,
    takes_part=notify.TAKES_PART,
)


def test_sql_judges_every_case_as_python_does(cast: Cast) -> None:
    values = {
        "now": START,
        "read_seq": READ_SEQ,
        "presents": [state.present for state, _ in CASES],
        "accesses": [state.access for state, _ in CASES],
        "notifies": [state.notify for state, _ in CASES],
        "mutes": [state.mute_until for state, _ in CASES],
        "types": [message.type for _, message in CASES],
        "origins": [message.origin for _, message in CASES],
        "senders": [message.sender_id for _, message in CASES],
        "mentions": [",".join(message.mentions) for _, message in CASES],
        "seqs": [message.seq for _, message in CASES],
    }
    judged = rows(cast.database, JUDGED, **values)
    assert len(judged) == len(CASES) == 5_184
    for (state, message), row in zip(CASES, judged, strict=True):
        reason = notify.why_not("bob", state, READ_SEQ, message, START)
        assert row.why_not == reason
        assert row.barred == next(iter(notify.bars("bob", state, START)), None)
        assert row.takes_part == state.takes_part
        if row.notifies and message.sender_id == "alice" and message.seq > READ_SEQ and not message.mentions:
            assert row.barred_unless_mentioned == reason
        assert row.notifies or reason in {Reason.LEFT, Reason.ACCESS_NONE, Reason.NEVER_NOTIFIES}


@pytest.fixture
def crowd(cast: Cast) -> dict[str, State]:
    """A participation in each state, and a queued mail for each."""
    states = {f"u{i}": state for i, state in enumerate(STATES)}
    users = "INSERT INTO users (app_id, id, name) SELECT :app, id, id FROM unnest(CAST(:ids AS text[])) AS id"
    rows(cast.database, users, app=cast.app_id, ids=list(states))
    participations = """
        INSERT INTO participations (app_id, conversation_id, user_id, present, access, notify, mute_until, joined_at)
        SELECT :app, 'hello', s.* , :now FROM unnest(CAST(:ids AS text[]), CAST(:presents AS boolean[]),
            CAST(:accesses AS text[]), CAST(:notifies AS text[]), CAST(:mutes AS timestamptz[])) AS s"""
    rows(
        cast.database,
        participations,
        app=cast.app_id,
        now=START,
        ids=list(states),
        presents=[state.present for state in STATES],
        accesses=[state.access for state in STATES],
        notifies=[state.notify for state in STATES],
        mutes=[state.mute_until for state in STATES],
    )
    queued = """
        INSERT INTO deliveries (app_id, id, notification_id, conversation_id, user_id, address, message_id,
            body_sealed, not_before, created_at)
        SELECT :app, gen_random_uuid(), 1, 'hello', id, id || '@example.com', id, '', :now, :now
        FROM unnest(CAST(:ids AS text[])) AS id"""
    rows(cast.database, queued, app=cast.app_id, ids=list(states), now=START)
    return states


def test_the_claim_cancels_exactly_what_the_rule_bars(cast: Cast, crowd: dict[str, State]) -> None:
    with cast.database.transaction() as session:
        claimed = {delivery.user_id for delivery in queue.claim(session, START, 1, len(crowd))}
    barred = {user: next(iter(notify.bars(user, state, START)), None) for user, state in crowd.items()}
    assert claimed == {user for user, reason in barred.items() if reason is None}
    cancelled = rows(cast.database, "SELECT user_id, reply FROM deliveries WHERE stage = 'cancelled'")
    assert {row.user_id: row.reply for row in cancelled} == {user: why for user, why in barred.items() if why}


def test_the_model_the_sql_and_the_state_agree_on_who_takes_part(cast: Cast, crowd: dict[str, State]) -> None:
    expected = {user for user, state in crowd.items() if state.takes_part}
    by_sql = sql.statement("SELECT p.user_id FROM participations p WHERE $takes_part", takes_part=notify.TAKES_PART)
    with cast.database.transaction() as session:
        participations = session.scalars(select(Participation)).all()
        assert {row.user_id for row in participations if row.takes_part} == expected
        assert set(session.scalars(select(Participation.user_id).where(Participation.takes_part))) == expected
        assert set(session.scalars(by_sql)) == expected
