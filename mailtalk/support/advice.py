"""Advice for operators: what is wrong with the queues, workers and relays, and what to do about it."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from mailtalk.outbound.circuit_breaker import CircuitState
from mailtalk.support.queues import QueueStatus, SystemStatus, WorkerStatus
from mailtalk.vocabulary import QueueName

# The age from which a queue's oldest item is stuck: ordinary work and retries take less.
STUCK = {
    QueueName.CHANGES: timedelta(seconds=30),
    QueueName.INBOUND: timedelta(minutes=1),
    QueueName.WINDOWS: timedelta(minutes=1),
    QueueName.NOTIFICATIONS: timedelta(minutes=2),
    QueueName.DELIVERIES: timedelta(minutes=5),
    QueueName.WEBHOOKS: timedelta(minutes=5),
}
TODO = {
    QueueName.CHANGES: "See the worker's log, and: mailtalk changes {conversation} --app {app}",
    QueueName.INBOUND: "See: mailtalk inbound show {id}",
    QueueName.WINDOWS: "See the worker's log, and: mailtalk conversations show {conversation} --app {app}",
    QueueName.NOTIFICATIONS: "See the worker's log, and: mailtalk explain {conversation} {user} --app {app}",
    QueueName.DELIVERIES: "See: mailtalk deliveries show {id}; is the relay well? mailtalk doctor",
    QueueName.WEBHOOKS: "See: mailtalk webhooks list --app {app}",
}


def findings(status: SystemStatus) -> list[str]:
    """What is wrong, the most important first, each with what to do; empty if all is well."""
    alive = [worker for worker in status.workers if worker.alive]
    problems = [*_workers(status, alive), *_relays(alive)]
    return [*problems, *(_stuck(queue) for queue in status.queues if _is_stuck(queue))]


def _is_stuck(queue: QueueStatus) -> bool:
    return queue.age > STUCK[queue.name]


def _workers(status: SystemStatus, alive: Sequence[WorkerStatus]) -> Iterator[str]:
    if not alive:
        yield "No worker runs: nothing is applied, made or sent. Start one: mailtalk worker"
    for worker in status.workers:
        if not worker.alive:
            last = _ago(status.at - worker.beat_at)
            yield f"The worker {worker.name} has not been heard of for {last}; others do its work. Was it killed?"


def _relays(alive: Sequence[WorkerStatus]) -> Iterator[str]:
    relays = {
        relay.name: relay for worker in alive for relay in worker.relays if relay.state is not CircuitState.CLOSED
    }
    for relay in relays.values():
        yield f"The relay {relay.name} is in trouble, its mails wait: {relay.reason}. Check it: mailtalk doctor"


def _stuck(queue: QueueStatus) -> str:
    item = queue.oldest
    if item is None:
        return ""
    names = {"id": item.id, "app": item.app_id, "conversation": item.conversation_id, "user": item.user_id}
    note = f" ({item.note})" if item.note else ""
    return f"{queue.name}: {item.id}{note} has been due for {_ago(queue.age)}. {TODO[queue.name].format(**names)}"


def _ago(time: timedelta) -> str:
    seconds = int(time.total_seconds())
    units = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
    size, unit = next(((size, unit) for size, unit in units if seconds >= size), (1, "s"))
    return f"{seconds // size} {unit}"
