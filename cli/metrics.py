"""Metrics for Prometheus: every process serves its own at MAILTALK_METRICS_PORT, the API those of the database too.

One port for each process is right wherever processes run: on one machine, in containers, in pods. The workers that one
`mailtalk worker` supervises count in files of a directory that the supervisor makes and serves.
"""

import logging
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from mailtalk import clock
from mailtalk.db.database import Database
from mailtalk.errors import Unavailable
from mailtalk.outbound.circuit_breaker import CircuitState
from mailtalk.settings.load import PREFIX, Settings, SettingsError
from mailtalk.support import queues
from mailtalk.support.queues import SystemStatus
from worker import metrics

log = logging.getLogger(__name__)


class QueueCollector(Collector):
    """Gauges that are read from the database at each scrape: queues, workers, relays."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def describe(self) -> Iterable[Metric]:
        """Give the names without a look at the database."""
        return [*_gauges(None), _up(0)]

    def collect(self) -> Iterator[Metric]:
        """Read the state; only `mailtalk_database_up` 0 while the database does not answer."""
        try:
            with self._database.transaction() as session:
                status = queues.read(session, clock.now())
        except Unavailable:
            yield _up(0)
            return
        yield from _gauges(status)
        yield _up(1)


def serve(settings: Settings, database: Database | None = None) -> None:
    """Count, and serve the metrics if a port is set; with a database also the gauges read from it."""
    metrics.watch_database()
    if settings.metrics_port is None:
        return
    if database is not None:
        REGISTRY.register(QueueCollector(database))
    _listen(settings, REGISTRY)


def serve_shared(settings: Settings, directory: Path) -> None:
    """Serve the metrics that child processes count in files of this directory."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(directory))  # type: ignore[no-untyped-call]
    _listen(settings, registry)


def _listen(settings: Settings, registry: CollectorRegistry) -> None:
    host, port = settings.metrics_host, settings.metrics_port or 0
    try:
        start_http_server(port, host, registry)
    except OSError as error:
        text = f"{PREFIX}METRICS_PORT = {port}, {PREFIX}METRICS_HOST = '{host}': {error.strerror or error}"
        raise SettingsError(f"{text}. Each process needs a port of its own") from None
    log.info("metrics at http://%s:%d/metrics (process %d)", host, port, os.getpid())


def _gauges(status: SystemStatus | None) -> Iterator[Metric]:
    depth = GaugeMetricFamily("mailtalk_queue_depth", "Waiting items; at most 100,000 are counted.", labels=["queue"])
    due = GaugeMetricFamily("mailtalk_queue_due", "Items that could be worked on now.", labels=["queue"])
    age = GaugeMetricFamily("mailtalk_queue_age_seconds", "Time the oldest item has been due.", labels=["queue"])
    alive = GaugeMetricFamily("mailtalk_workers", "Workers with a fresh heartbeat.")
    relays = GaugeMetricFamily("mailtalk_relay_paused", "Workers that do not use a relay now.", labels=["relay"])
    if status is not None:
        for queue in status.queues:
            depth.add_metric([queue.name], queue.depth)
            due.add_metric([queue.name], queue.due)
            age.add_metric([queue.name], queue.age_seconds)
        alive.add_metric([], sum(worker.alive for worker in status.workers))
        for name, paused in _paused(status).items():
            relays.add_metric([name], paused)
    yield from (depth, due, age, alive, relays)


def _paused(status: SystemStatus) -> dict[str, int]:
    views = [relay for worker in status.workers if worker.alive for relay in worker.relays]
    names = dict.fromkeys(relay.name for relay in views)
    return {
        name: sum(relay.name == name and relay.state is not CircuitState.CLOSED for relay in views) for name in names
    }


def _up(value: int) -> Metric:
    return GaugeMetricFamily("mailtalk_database_up", "1 if the database answers, else 0.", value=value)
