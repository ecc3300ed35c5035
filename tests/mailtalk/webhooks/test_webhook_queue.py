"""Webhook queues: events reach each endpoint in their conversation's order; one that fails holds up little."""

from collections.abc import Sequence
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
from mailtalk.webhooks.delivery import EventDelivery
from mailtalk.webhooks.http_client import DEADLINE, HttpResult
from mailtalk.webhooks.log import ReplayRange
from mailtalk.webhooks.queue import ClaimedQueue
from mailtalk.webhooks.results import Attempt

NOW = clock.now()
OK, BAD = HttpResult(200, ""), HttpResult(500, "a defect")
AWAY = HttpResult(None, "no response: TimeoutError")
BUSY = HttpResult(503, "busy")
KIND = EventType.MESSAGE_SENT
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@pytest.fixture
def cast(cast: Cast, keyring: Keyring) -> Cast:
    subscribe(cast, keyring, "http://127.0.0.1/")
    return cast


def happen(cast: Cast, *conversations: str, data: dict[str, Any] | None = None, at: datetime = NOW) -> None:
    """Events in these conversations, in this order, fanned out."""
    with cast.database.transaction() as session:
        happened = [Happened(cast.app_id, KIND, data or {}, conversation or None) for conversation in conversations]
        events.record_many(session, happened, at)
    with cast.database.transaction() as session:
        assert fanout.fan_out(session, at) == len(conversations)


def claim(cast: Cast, at: datetime = NOW, limit: int = 100, worker_id: int = 1) -> list[ClaimedQueue]:
    with cast.database.transaction() as session:
        return queue.claim(session, at, worker_id, limit)


def send(
    cast: Cast, claimed: ClaimedQueue, result: HttpResult, at: datetime = NOW, failing: Sequence[int] = range(1, 100)
) -> list[int | None]:
    """Send what is in the queue with this result for the `failing` sequences, OK for others; return the sequences."""
    with cast.database.transaction() as session:
        runs = queue.next_deliveries(session, [claimed])
    sent = []
    for delivery in (delivery for run in runs for delivery in run.deliveries):
        sent.append(delivery.seq)
        outcome = result if delivery.seq is None or delivery.seq in failing else OK
        with cast.database.transaction() as session:
            if not results.record(session, Attempt(claimed, delivery, outcome, at)):
                break
    with cast.database.transaction() as session:
        queue.release(session, [claimed])
    return sent


def is_due(cast: Cast, at: datetime = NOW) -> bool:
    with cast.database.transaction() as session:
        return queue.has_due(session, at)


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


def test_a_queue_is_sent_in_order_by_one_worker_and_ends(cast: Cast) -> None:
    happen(cast, "a", "b", "a")
    claimed = {claimed.name: claimed for claimed in claim(cast)}
    assert claimed.keys() == {"c/a", "c/b"}
    assert claim(cast, worker_id=2) == []
    assert send(cast, claimed["c/a"], OK) == [1, 2]
    assert send(cast, claimed["c/b"], OK) == [1]
    assert stages(cast) == ["sent"] * 3
    assert column(cast.database, "SELECT count(*) FROM webhook_lanes") == [0]
    assert not is_due(cast)


def test_what_happens_while_a_queue_is_sent_is_sent_next(cast: Cast) -> None:
    happen(cast, "a")
    (claimed,) = claim(cast)
    with cast.database.transaction() as session:
        ((_, _, deliveries),) = queue.next_deliveries(session, [claimed])
    happen(cast, "a")
    assert not is_due(cast)
    with cast.database.transaction() as session:
        assert results.record(session, Attempt(claimed, deliveries[0], OK, NOW))
        queue.release(session, [claimed])
    assert send(cast, claim(cast)[0], OK) == [2]


def test_an_event_that_fails_holds_back_its_conversation_and_no_other(cast: Cast) -> None:
    happen(cast, "a", "a", "b", "")
    for claimed in claim(cast):
        send(cast, claimed, BAD if claimed.name == "c/a" else OK)
    assert stages(cast) == ["queued", "queued", "sent", "sent"]
    assert not is_due(cast)
    assert is_due(cast, NOW + timedelta(seconds=7))
    assert send(cast, claim(cast, NOW + timedelta(seconds=7))[0], OK) == [1, 2]


def test_users_have_queues_and_an_event_about_nobody_has_its_own(cast: Cast) -> None:
    happen(cast, "", "", data={"user": {"id": "alice"}})
    happen(cast, "", "")
    assert [claimed.name.split("/")[0] for claimed in sorted(claim(cast), key=lambda claimed: claimed.name)] == [
        "e",
        "e",
        "u",
    ]


def test_one_endpoint_has_so_many_queues_sent_at_once_and_one_while_it_fails(cast: Cast, keyring: Keyring) -> None:
    subscribe(cast, keyring, "http://127.0.0.1/", name="other")
    happen(cast, *(f"c{i}" for i in range(queue.AT_ONCE + 4)))
    first = claim(cast, limit=2)
    assert {claimed.webhook_id for claimed in first} == {"main", "other"}  # each its first before any its second
    more = claim(cast)
    assert [claimed.webhook_id for claimed in [*first, *more]].count("main") == queue.AT_ONCE
    assert claim(cast) == []
    for claimed in [*first, *more]:
        send(cast, claimed, BAD if claimed.webhook_id == "main" else OK)
    assert [claimed.webhook_id for claimed in claim(cast)].count("main") == 1


def test_an_endpoint_that_is_away_rests_and_what_waited_for_it_is_told_once_it_is_back(cast: Cast) -> None:
    happen(cast, "a", "b")
    send(cast, claim(cast, limit=1)[0], AWAY)
    assert endpoint(cast).rests_until >= NOW + backoff.SHORTEST_REST
    assert not is_due(cast, NOW + timedelta(seconds=4))
    later = NOW + timedelta(seconds=10)
    for _ in range(2):  # the second wait is five minutes
        send(cast, claim(cast, later, limit=1)[0], AWAY, later)
        later += timedelta(minutes=2)
    rows(cast.database, "UPDATE webhook_lanes SET not_before = :at WHERE lane = 'c/b'", at=later)
    rows(cast.database, "UPDATE webhook_lanes SET not_before = :at WHERE lane = 'c/a'", at=later + timedelta(hours=9))
    (claimed,) = claim(cast, later)
    send(cast, claimed, OK, later)
    assert (endpoint(cast).failing_since, endpoint(cast).reason) == (None, None)
    assert [claimed.name for claimed in claim(cast, later)] == ["c/a"]


@pytest.mark.parametrize(("asked", "least"), [(None, 5), (timedelta(minutes=7), 420), (timedelta(days=9), 86_400)])
def test_a_retry_after_is_heard_up_to_a_day(cast: Cast, asked: timedelta | None, least: int) -> None:
    happen(cast, "a")
    send(cast, claim(cast)[0], HttpResult(503, "later", asked))
    assert not is_due(cast, NOW + timedelta(seconds=least - 1))
    assert is_due(cast, NOW + timedelta(seconds=least * 1.2 + 1))


def test_the_schedule_is_three_days_long_and_grows() -> None:
    waits = [backoff.wait(attempts, None) for attempts in range(1, backoff.ATTEMPTS)]
    assert timedelta(days=3) < sum(backoff.WAITS, timedelta()) < sum(waits, timedelta()) < timedelta(days=4)
    assert waits == sorted(waits)


def test_the_hold_back_is_at_most_a_minute_even_if_every_attempt_times_out() -> None:
    for _ in range(100):
        waits = [backoff.wait(attempts, None) for attempts in range(1, backoff.HOLDING_BACK)]
        failing = sum(waits, timedelta(seconds=DEADLINE * backoff.HOLDING_BACK))
        assert failing + backoff.rest(failing, None) < MINUTE
        assert backoff.rest(timedelta(days=1), None) <= MINUTE


def send_due(cast: Cast, at: datetime, result: HttpResult, failing: Sequence[int]) -> list[int | None]:
    """Send what is due, as a worker does; return the sequences in their order."""
    sent: list[int | None] = []
    while claimed := claim(cast, at, limit=1):
        sent += send(cast, claimed[0], result, at, failing)
    return sent


def send_from(
    cast: Cast, begin: timedelta, end: timedelta, result: HttpResult, failing: Sequence[int]
) -> list[tuple[int, int | None]]:
    """Send second by second, and return (second, sequence) of each attempt."""
    sent, second = [], begin
    while second <= end:
        sent += [(int(second.total_seconds()), seq) for seq in send_due(cast, NOW + second, result, failing)]
        second += SECOND
    return sent


@pytest.mark.parametrize("result", [BAD, BUSY, AWAY])
def test_a_failing_event_holds_its_conversation_back_for_three_attempts_and_then_goes_alone(
    cast: Cast, result: HttpResult
) -> None:
    happen(cast, "a", "a", "a")
    sent = send_from(cast, timedelta(), MINUTE, result, failing=[1])
    assert [seq for _, seq in sent] == [1, 1, 1, 2, 3]
    assert stages(cast) == ["queued", "sent", "sent"]
    assert column(cast.database, "SELECT attempts FROM webhook_deliveries ORDER BY id") == [3, 1, 1]
    assert column(cast.database, "SELECT lone FROM webhook_lanes") == [True]
    happen(cast, "a", at=NOW + MINUTE)
    assert [seq for _, seq in send_from(cast, MINUTE, 2 * MINUTE, result, failing=[1])] == [4]
    alone = send_from(cast, 2 * MINUTE, 8 * MINUTE, OK, failing=[])
    assert [seq for _, seq in alone] == [1]
    assert alone[0][0] >= 5 * 60
    assert set(stages(cast)) == {"sent"}
    assert column(cast.database, "SELECT count(*) FROM webhook_lanes") == [0]


@pytest.mark.parametrize("result", [BAD, AWAY])
def test_an_ordered_endpoint_holds_back_strictly(cast: Cast, keyring: Keyring, result: HttpResult) -> None:
    subscribe(cast, keyring, "http://127.0.0.1/", ordered=True)
    happen(cast, "a", "a")
    sent = [seq for _, seq in send_from(cast, timedelta(), 10 * MINUTE, result, failing=[1])]
    assert sent == [1] * len(sent)
    assert len(sent) == 4
    assert column(cast.database, "SELECT lone FROM webhook_lanes") == [False]
    assert send_due(cast, NOW + timedelta(hours=1), OK, []) == [1, 2]


def test_many_lone_events_never_take_the_place_of_others(cast: Cast) -> None:
    happen(cast, *"abcdefgh")
    for minute in range(3):
        send_due(cast, NOW + minute * MINUTE, BAD, failing=[1])
    at = NOW + timedelta(hours=1)
    happen(cast, *"ijk", at=at)
    claimed = [queue.name for queue in claim(cast, at)]
    assert sorted(name[0] for name in claimed) == ["c", "d"]  # one each, since the endpoint fails
    rows(cast.database, "UPDATE webhooks SET failing_since = NULL")
    assert {queue.name[0] for queue in claim(cast, at)} == {"c"}


def test_an_event_that_fails_among_others_keeps_its_schedule_whenever_they_are_taken(cast: Cast) -> None:
    happen(cast, "a")
    attempts = 0
    for minute in range(180):
        at = NOW + minute * MINUTE
        attempts += send_due(cast, at, AWAY, failing=[1]).count(1)
        rows(cast.database, "UPDATE webhooks SET rests_until = NULL")
        happen(cast, "b", at=at) if minute else None
        for claimed in claim(cast, at):
            send(cast, claimed, OK if claimed.name == "c/b" else AWAY, at)
    assert attempts <= 6  # at once, 5 s, 25 s, 5 min, 30 min, 2 h


def test_resuming_sends_lone_events_at_once_too(cast: Cast) -> None:
    happen(cast, "a", "a")
    send_from(cast, timedelta(), MINUTE, BAD, failing=[1])
    with cast.database.transaction() as session:
        endpoints.resume(session, NOW + MINUTE, endpoints.get(session, cast.app_id, "main"))
    assert send_due(cast, NOW + MINUTE, OK, []) == [1]


@pytest.mark.parametrize("ordered", [True, False])
def test_an_event_that_nobody_takes_is_given_up_after_all_attempts_while_others_are_taken(
    cast: Cast, keyring: Keyring, *, ordered: bool
) -> None:
    subscribe(cast, keyring, "http://127.0.0.1/", ordered=ordered)
    happen(cast, "a", "a")
    at = NOW
    for _ in range(backoff.ATTEMPTS):
        rows(cast.database, "UPDATE webhooks SET failing_since = NULL")  # others are taken
        send_due(cast, at, BAD, failing=[1])
        at += timedelta(days=2)
    assert stages(cast) == ["failed", "sent"]


def test_an_endpoint_that_fails_for_three_days_is_paused_and_loses_nothing(cast: Cast) -> None:
    happen(cast, "a", "b")
    at = NOW
    while endpoint(cast).status == "active":
        for claimed in claim(cast, at):
            send(cast, claimed, AWAY, at)
        at += timedelta(hours=1)
        assert at < NOW + timedelta(days=5)
    assert timedelta(days=3) <= at - NOW <= timedelta(days=4)
    assert endpoint(cast).reason.startswith("failing since ")
    happen(cast, "a")
    assert not is_due(cast, at + timedelta(days=9))
    assert stages(cast) == ["queued"] * 3
    with cast.database.transaction() as session:
        endpoints.resume(session, at, endpoints.get(session, cast.app_id, "main"))
    assert sorted(send_due(cast, at, OK, []), key=str) == [1, 1, 2]


def test_410_disables_and_cancels(cast: Cast) -> None:
    happen(cast, "a", "a", "b")
    (claimed,) = claim(cast, limit=1)
    send(cast, claimed, HttpResult(410, ""))
    assert endpoint(cast).status == "disabled"
    assert sorted(stages(cast)) == ["cancelled", "cancelled", "failed"]
    assert not is_due(cast, NOW + timedelta(days=9))
    with cast.database.transaction() as session:
        events.record_many(session, [Happened(cast.app_id, KIND, {}, "a")], NOW)
    assert column(cast.database, "SELECT count(*) FROM events") == [3]


def recover(cast: Cast) -> int:
    with cast.database.transaction() as session:
        return queue.recover(session)


def test_what_a_dead_worker_had_in_hand_is_free_at_once_and_its_word_counts_no_more(cast: Cast) -> None:
    happen(cast, "a", "a")
    with alive(cast.database, 7):
        (claimed,) = claim(cast, worker_id=7)
        assert recover(cast) == 0
    assert until(lambda: recover(cast)) == 1
    (again,) = claim(cast, worker_id=8)
    delivery = EventDelivery(1, 0, 1, KIND, NOW, {}, "a", 1)
    with cast.database.transaction() as session:
        assert not results.record(session, Attempt(claimed, delivery, OK, NOW))
        queue.release(session, [claimed])
        assert queue.next_deliveries(session, [claimed]) == []
    assert stages(cast) == ["queued", "queued"]
    assert send(cast, again, OK) == [1, 2]


@pytest.mark.parametrize("which", ["time", "ids"])
def test_a_replay_tells_again_in_order_what_the_endpoint_wants(cast: Cast, keyring: Keyring, which: str) -> None:
    happen(cast, "a", "b", "a")
    for claimed in claim(cast):
        send(cast, claimed, OK)
    ids = column(cast.database, "SELECT id FROM events ORDER BY id")
    span = ReplayRange(ids=ids[1:]) if which == "ids" else ReplayRange(start=NOW, end=NOW + timedelta(seconds=1))
    with cast.database.transaction() as session:
        row = endpoints.get(session, cast.app_id, "main")
        assert log.replay(session, NOW, row, span) == (2 if which == "ids" else 3)
        assert log.replay(session, NOW, row, ReplayRange(start=NOW + timedelta(seconds=1))) == 0
    again = {claimed.name: send(cast, claimed, OK) for claimed in claim(cast)}
    assert again == ({"c/a": [2], "c/b": [1]} if which == "ids" else {"c/a": [1, 2], "c/b": [1]})
    subscribe(cast, keyring, "http://127.0.0.1/", EventType.USER_CREATED)
    with cast.database.transaction() as session:
        assert log.replay(session, NOW, endpoints.get(session, cast.app_id, "main"), ReplayRange(start=NOW)) == 0


def test_a_test_is_told_to_one_endpoint_alone(cast: Cast, keyring: Keyring) -> None:
    subscribe(cast, keyring, "http://127.0.0.1/", EventType.USER_CREATED, name="other")
    with cast.database.transaction() as session:
        event_id = log.send_test(session, NOW, endpoints.get(session, cast.app_id, "other"))
    with cast.database.transaction() as session:
        assert fanout.fan_out(session, NOW) == 0
    (claimed,) = claim(cast)
    assert claimed.webhook_id == "other"
    send(cast, claimed, BAD)
    with cast.database.transaction() as session:
        found = log.last_attempt(session, endpoints.get(session, cast.app_id, "other"), event_id)
    assert found is not None
    assert tuple(found) == ("queued", 500, "a defect")


def test_what_is_old_is_forgotten_also_what_waits_for_a_paused_endpoint(cast: Cast) -> None:
    happen(cast, "a", "b")
    (claimed,) = claim(cast, limit=1)
    send(cast, claimed, OK)
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
