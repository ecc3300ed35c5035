"""The bell: never blocks, never raises, and says one thing once."""

import json
import threading
from collections.abc import Iterator

import pytest
import redis
from support.cast import Cast
from support.servers import make_settings
from support.sql import subscribe
from support.waiting import until

from mailtalk.changes.log import Ended
from mailtalk.events import record as events
from mailtalk.events.record import Happened
from mailtalk.settings.load import Settings
from mailtalk.vocabulary import ChangeStatus, EventType
from worker.bell import APPLY_CHANGES, CHANNEL, DELIVER, SEND_WEBHOOKS, Bell

QUEUE = "mailtalk:mailtalk"


@pytest.fixture
def broker(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client
        client.client_unpause()


def queued(broker: redis.Redis) -> list[str]:
    return sorted(json.loads(each)["headers"]["task"] for each in broker.lrange(QUEUE, 0, -1))


def test_a_ring_is_a_task_that_carries_nothing(broker: redis.Redis, settings: Settings) -> None:
    bell = Bell(settings)
    bell.ring(APPLY_CHANGES)
    bell.close()
    assert queued(broker) == [APPLY_CHANGES]
    task = json.loads(broker.lrange(QUEUE, 0, -1)[0])
    assert task["headers"]["argsrepr"] == "()"
    assert task["headers"]["kwargsrepr"] == "{}"


def test_rings_that_come_while_it_is_busy_are_rung_once(broker: redis.Redis, settings: Settings) -> None:
    bell = Bell(settings)
    bell.ring(APPLY_CHANGES)
    until(lambda: queued(broker))
    broker.client_pause(20_000, all=False)
    bell.ring(APPLY_CHANGES)  # it hangs now
    until(lambda: not bell._names)
    for _ in range(100):
        bell.ring(APPLY_CHANGES)
        bell.ring(DELIVER)
    broker.client_unpause()
    bell.close()
    assert queued(broker) == [APPLY_CHANGES] * 3 + [DELIVER]


def test_with_the_broker_away_ringing_returns_and_closing_ends() -> None:
    bell = Bell(make_settings(redis_url="redis://127.0.0.1:1"))
    for _ in range(1000):
        bell.ring(APPLY_CHANGES)
        bell.announce([Ended(1, ChangeStatus.APPLIED, None)])
    bell.close()
    until(lambda: not bell._thread.is_alive())


def test_with_the_broker_hanging_ringing_does_not_wait(broker: redis.Redis, settings: Settings) -> None:
    bell = Bell(settings)
    broker.client_pause(60_000, all=False)
    rung = threading.Thread(target=lambda: [bell.ring(APPLY_CHANGES) for _ in range(1000)])
    rung.start()
    rung.join(20)
    assert not rung.is_alive()
    bell.close()


def test_after_a_failure_it_rings_again(
    broker: redis.Redis, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.bell.PAUSE", 0.0)
    bell = Bell(settings)
    bell.announce([Ended(object(), ChangeStatus.APPLIED, None)])  # type: ignore[arg-type]  cannot be said in JSON
    until(lambda: not bell._ended)
    bell.ring(APPLY_CHANGES)
    bell.close()
    assert queued(broker) == [APPLY_CHANGES]


def test_who_listens_is_told_what_ended(broker: redis.Redis, settings: Settings) -> None:
    with broker.pubsub(ignore_subscribe_messages=True) as pubsub:
        pubsub.subscribe(CHANNEL)
        until(lambda: broker.pubsub_numsub(CHANNEL)[0][1] == 1)
        bell = Bell(settings)
        bell.announce([Ended(7, ChangeStatus.REJECTED, "PARTICIPANT_LIMIT"), Ended(8, ChangeStatus.APPLIED, None)])
        bell.close()
        message = until(lambda: pubsub.get_message(timeout=0.1))
    assert json.loads(message["data"]) == [7, 8]


def test_an_event_rings_once_it_is_committed_if_an_endpoint_wants_it(
    cast: Cast, broker: redis.Redis, settings: Settings
) -> None:
    def happen(error: Exception | None = None) -> None:
        with cast.database.transaction() as session:
            events.record_many(session, [Happened(cast.app_id, EventType.MESSAGE_SENT, {}, "a")])
            if error:
                raise error

    bell = Bell(settings)
    cast.database.committed = bell.ring_for_events
    happen()
    subscribe(cast.database)
    with pytest.raises(ZeroDivisionError):
        happen(ZeroDivisionError())
    bell.close()
    assert queued(broker) == []
    bell = Bell(settings)
    cast.database.committed = bell.ring_for_events
    happen()
    bell.close()
    assert queued(broker) == [SEND_WEBHOOKS]
