"""Lanes: events reach each endpoint in their conversation's order; one that fails holds up nothing else."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from support.cast import Cast
from support.sql import alive, column, rows
from support.waiting import until
from support.webhook_receiver import subscribe

from mailtalk import clock
from mailtalk.events import record as events
from mailtalk.events.record import Happened
from mailtalk.keys import Keyring
from mailtalk.vocabulary import EventType
from mailtalk.webhooks import backoff, endpoints, fanout, log, queue, results
from mailtalk.webhooks.delivery import Telling
from mailtalk.webhooks.http_client import Answer
from mailtalk.webhooks.log import Span
from mailtalk.webhooks.queue import Lane

NOW = clock.now()
OK, BAD, AWAY = Answer(200, ""), Answer(500, "a defect"), Answer(None, "no answer: TimeoutError")
KIND = EventType.MESSAGE_SENT


@pytest.fixture
def cast(cast: Cast, keyring: Keyring) -> Cast:
    subscribe(cast, keyring, "http://127.0.0.1/")
    return cast


def happen(cast: Cast, *conversations: str, data: dict[str, Any] | None = None) -> None:
    """Something happens in these conversations, in this order, and is fanned out."""
    with cast.database.transaction() as session:
        found = [Happened(cast.app_id, KIND, data or {}, each or None) for each in conversations]
        events.record_many(session, found, NOW)
    with cast.database.transaction() as session:
        assert fanout.fan_out(session, NOW) == len(conversations)


def claim(cast: Cast, at: datetime = NOW, limit: int = 100, worker_id: int = 1) -> list[Lane]:
    with cast.database.transaction() as session:
        return queue.claim(session, at, worker_id, limit)


def tell(cast: Cast, lane: Lane, answer: Answer, at: datetime = NOW, most: int = 100) -> list[int | None]:
    """Tell what is in the lane, with this answer each time; gives the sequence of what was told."""
    with cast.database.transaction() as session:
        _, tellings = queue.run(session, lane)
    said = []
    for telling in tellings[:most]:
        said.append(telling.seq)
        with cast.database.transaction() as session:
            if not results.settle(session, at, lane, telling, answer):
                break
    with cast.database.transaction() as session:
        queue.release(session, lane)
    return said


def waits(cast: Cast, at: datetime = NOW) -> bool:
    with cast.database.transaction() as session:
        return queue.waits(session, at)


def stages(cast: Cast) -> list[str]:
    return column(cast.database, "SELECT stage FROM webhook_deliveries ORDER BY id")


def endpoint(cast: Cast) -> Any:
    return rows(cast.database, "SELECT * FROM webhooks WHERE id = 'main'")[0]


def test_each_conversation_counts_its_own_events_and_the_count_outlives_them(cast: Cast) -> None:
    happen(cast, "a", "b", "a", "a", "")
    sequences = "SELECT conversation_id, seq FROM events ORDER BY id"
    assert [tuple(row) for row in rows(cast.database, sequences)] == [
        ("a", 1),
        ("b", 1),
        ("a", 2),
        ("a", 3),
        (None, None),
    ]
    with cast.database.transaction() as session:
        assert events.purge(session, NOW + timedelta(days=31), 30) == 5
    happen(cast, "a")
    assert [tuple(row) for row in rows(cast.database, sequences)] == [("a", 4)]


def test_a_lane_is_told_in_order_by_one_worker_and_ends(cast: Cast) -> None:
    happen(cast, "a", "b", "a")
    claimed = {lane.lane: lane for lane in claim(cast)}
    assert claimed.keys() == {"c/a", "c/b"}
    assert claim(cast, worker_id=2) == []
    assert tell(cast, claimed["c/a"], OK) == [1, 2]
    assert tell(cast, claimed["c/b"], OK) == [1]
    assert stages(cast) == ["sent"] * 3
    assert column(cast.database, "SELECT count(*) FROM webhook_lanes") == [0]
    assert not waits(cast)


def test_what_happens_while_a_lane_is_told_is_told_next(cast: Cast) -> None:
    happen(cast, "a")
    (lane,) = claim(cast)
    with cast.database.transaction() as session:
        _, tellings = queue.run(session, lane)
    happen(cast, "a")
    assert not waits(cast)
    with cast.database.transaction() as session:
        assert results.settle(session, NOW, lane, tellings[0], OK)
        queue.release(session, lane)
    assert tell(cast, claim(cast)[0], OK) == [2]


def test_an_event_that_fails_holds_back_its_conversation_and_no_other(cast: Cast) -> None:
    happen(cast, "a", "a", "b", "")
    for lane in claim(cast):
        tell(cast, lane, BAD if lane.lane == "c/a" else OK)
    assert stages(cast) == ["queued", "queued", "sent", "sent"]
    assert not waits(cast)
    assert waits(cast, NOW + timedelta(seconds=7))
    assert tell(cast, claim(cast, NOW + timedelta(seconds=7))[0], OK) == [1, 2]


def test_users_have_lanes_and_what_is_about_nobody_has_one_each(cast: Cast) -> None:
    happen(cast, "", "", data={"user": {"id": "alice"}})
    happen(cast, "", "")
    assert [lane.lane.split("/")[0] for lane in sorted(claim(cast), key=lambda lane: lane.lane)] == ["e", "e", "u"]


def test_one_endpoint_has_so_many_lanes_told_at_once_and_one_while_it_fails(cast: Cast, keyring: Keyring) -> None:
    subscribe(cast, keyring, "http://127.0.0.1/", name="other")
    happen(cast, *"abcdefgh")
    first = claim(cast, limit=2)
    assert {lane.webhook_id for lane in first} == {"main", "other"}  # each its first before any its second
    more = claim(cast)
    assert [lane.webhook_id for lane in [*first, *more]].count("main") == queue.AT_ONCE
    assert claim(cast) == []
    for lane in [*first, *more]:
        tell(cast, lane, BAD if lane.webhook_id == "main" else OK)
    assert [lane.webhook_id for lane in claim(cast)].count("main") == 1


def test_an_endpoint_that_is_away_rests_and_what_waited_for_it_is_told_once_it_is_back(cast: Cast) -> None:
    happen(cast, "a", "b")
    tell(cast, claim(cast, limit=1)[0], AWAY)
    assert endpoint(cast).rests_until >= NOW + backoff.SHORTEST_REST
    assert not waits(cast, NOW + timedelta(seconds=4))
    later = NOW + timedelta(seconds=10)
    for _ in range(2):  # the second wait is five minutes
        tell(cast, claim(cast, later, limit=1)[0], AWAY, later)
        later += timedelta(minutes=2)
    rows(cast.database, "UPDATE webhook_lanes SET not_before = :at WHERE lane = 'c/b'", at=later)
    rows(cast.database, "UPDATE webhook_lanes SET not_before = :at WHERE lane = 'c/a'", at=later + timedelta(hours=9))
    (lane,) = claim(cast, later)
    tell(cast, lane, OK, later)
    assert (endpoint(cast).failing_since, endpoint(cast).reason) == (None, None)
    assert [lane.lane for lane in claim(cast, later)] == ["c/a"]


@pytest.mark.parametrize(("asked", "least"), [(None, 5), (timedelta(minutes=7), 420), (timedelta(days=9), 86_400)])
def test_a_retry_after_is_heard_up_to_a_day(cast: Cast, asked: timedelta | None, least: int) -> None:
    happen(cast, "a")
    tell(cast, claim(cast)[0], Answer(503, "later", asked))
    assert not waits(cast, NOW + timedelta(seconds=least - 1))
    assert waits(cast, NOW + timedelta(seconds=least * 1.2 + 1))


def test_the_schedule_is_three_days_long_and_grows() -> None:
    waits = [backoff.wait(attempts, None) for attempts in range(1, backoff.TRIES)]
    assert timedelta(days=3) < sum(backoff.WAITS, timedelta()) < sum(waits, timedelta()) < timedelta(days=4)
    assert waits == sorted(waits)


def test_an_event_that_nobody_takes_is_given_up_after_ten_tries_while_others_are_taken(cast: Cast) -> None:
    happen(cast, "a", "a")
    at = NOW
    for _ in range(backoff.TRIES):
        rows(cast.database, "UPDATE webhooks SET failing_since = NULL")  # others are taken
        tell(cast, claim(cast, at)[0], BAD, at, most=1)
        at += timedelta(days=2)
    assert stages(cast) == ["failed", "queued"]
    assert tell(cast, claim(cast, at)[0], OK, at) == [2]


def test_an_endpoint_that_fails_for_three_days_is_paused_and_loses_nothing(cast: Cast) -> None:
    happen(cast, "a", "b")
    at = NOW
    while endpoint(cast).status == "active":
        for lane in claim(cast, at):
            tell(cast, lane, AWAY, at)
        at += timedelta(hours=1)
        assert at < NOW + timedelta(days=5)
    assert timedelta(days=3) <= at - NOW <= timedelta(days=4)
    assert endpoint(cast).reason.startswith("failing since ")
    happen(cast, "a")
    assert not waits(cast, at + timedelta(days=9))
    assert stages(cast) == ["queued"] * 3
    with cast.database.transaction() as session:
        endpoints.resume(session, at, endpoints.get(session, cast.app_id, "main"))
    assert sorted(told for lane in claim(cast, at) for told in tell(cast, lane, OK, at)) == [1, 1, 2]


def test_410_disables_and_cancels(cast: Cast) -> None:
    happen(cast, "a", "a", "b")
    (lane,) = claim(cast, limit=1)
    tell(cast, lane, Answer(410, ""))
    assert endpoint(cast).status == "disabled"
    assert sorted(stages(cast)) == ["cancelled", "cancelled", "failed"]
    assert not waits(cast, NOW + timedelta(days=9))
    with cast.database.transaction() as session:
        events.record(session, NOW, cast.app_id, KIND, {}, "a")
    assert column(cast.database, "SELECT count(*) FROM events") == [3]


def recover(cast: Cast) -> int:
    with cast.database.transaction() as session:
        return queue.recover(session)


def test_what_a_dead_worker_had_in_hand_is_free_at_once_and_its_word_counts_no_more(cast: Cast) -> None:
    happen(cast, "a", "a")
    with alive(cast.database, 7):
        (lane,) = claim(cast, worker_id=7)
        assert recover(cast) == 0
    assert until(lambda: recover(cast)) == 1
    (again,) = claim(cast, worker_id=8)
    telling = Telling(1, 0, 1, KIND, NOW, {}, "a", 1)
    with cast.database.transaction() as session:
        assert not results.settle(session, NOW, lane, telling, OK)
        queue.release(session, lane)
        assert queue.run(session, lane) == (None, [])
    assert stages(cast) == ["queued", "queued"]
    assert tell(cast, again, OK) == [1, 2]


@pytest.mark.parametrize("which", ["time", "ids"])
def test_a_replay_tells_again_in_order_what_the_endpoint_wants(cast: Cast, keyring: Keyring, which: str) -> None:
    happen(cast, "a", "b", "a")
    for lane in claim(cast):
        tell(cast, lane, OK)
    ids = column(cast.database, "SELECT id FROM events ORDER BY id")
    span = Span(ids=ids[1:]) if which == "ids" else Span(start=NOW, end=NOW + timedelta(seconds=1))
    with cast.database.transaction() as session:
        row = endpoints.get(session, cast.app_id, "main")
        assert log.replay(session, NOW, row, span) == (2 if which == "ids" else 3)
        assert log.replay(session, NOW, row, Span(start=NOW + timedelta(seconds=1))) == 0
    again = {lane.lane: tell(cast, lane, OK) for lane in claim(cast)}
    assert again == ({"c/a": [2], "c/b": [1]} if which == "ids" else {"c/a": [1, 2], "c/b": [1]})
    subscribe(cast, keyring, "http://127.0.0.1/", EventType.USER_CREATED)
    with cast.database.transaction() as session:
        assert log.replay(session, NOW, endpoints.get(session, cast.app_id, "main"), Span(start=NOW)) == 0


def test_a_test_is_told_to_one_endpoint_alone(cast: Cast, keyring: Keyring) -> None:
    subscribe(cast, keyring, "http://127.0.0.1/", EventType.USER_CREATED, name="other")
    with cast.database.transaction() as session:
        event_id = log.test(session, NOW, endpoints.get(session, cast.app_id, "other"))
    with cast.database.transaction() as session:
        assert fanout.fan_out(session, NOW) == 0
    (lane,) = claim(cast)
    assert lane.webhook_id == "other"
    tell(cast, lane, BAD)
    with cast.database.transaction() as session:
        found = log.outcome(session, endpoints.get(session, cast.app_id, "other"), event_id)
    assert found is not None
    assert tuple(found) == ("queued", 500, "a defect")


def test_what_is_old_is_forgotten_also_what_waits_for_a_paused_endpoint(cast: Cast) -> None:
    happen(cast, "a", "b")
    (lane,) = claim(cast, limit=1)
    tell(cast, lane, OK)
    with cast.database.transaction() as session:
        assert log.purge(session, NOW + timedelta(days=29), 30) == 0
        assert log.purge(session, NOW + timedelta(days=31), 30) == 2
        assert log.purge(session, NOW + timedelta(days=31), 30) == 0
    assert column(cast.database, "SELECT count(*) FROM webhook_lanes") == [0]


def test_a_crowd_is_fanned_out_in_one_statement_each(cast: Cast) -> None:
    with cast.database.transaction() as session:
        events.record_many(session, [Happened(cast.app_id, KIND, {"n": i}, "a") for i in range(10_000)], NOW)
    told = 1
    while told:
        with cast.database.transaction() as session:
            told = fanout.fan_out(session, NOW)
    assert column(cast.database, "SELECT pending FROM webhook_lanes") == [10_000]
    order = "SELECT bool_and(seq = (data ->> 'n')::int + 1) FROM events"
    assert column(cast.database, order) == [True]
