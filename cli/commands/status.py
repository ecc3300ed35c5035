"""`mailtalk status`: queues, workers, relays and broker, and what is stuck."""

import time
from datetime import datetime

import click
import msgspec
import redis

from cli import connect, datadir, printing
from cli.options import json_option
from cli.reports import ListedReport
from mailtalk import clock
from mailtalk.outbound.circuit_breaker import RelayStatus
from mailtalk.settings.load import Settings
from mailtalk.support import advice, queues
from mailtalk.support.queues import SystemStatus

PAUSE = 2.0  # seconds between two looks of --watch
CLEAR = "\x1b[H\x1b[2J"
QUEUES = {"queue": "name", "waiting": "waiting", "due": "due", "age": "age", "in/min": "in", "out/min": "out"}
WORKERS = {"worker": "name", "started": "startedAt", "alive": "alive"}
RELAYS = {"relay": "name", "state": "state", "reason": "reason"}


class RateReport(ListedReport, rename="camel"):
    """Items per second over the last minute and the last hour."""

    minute: float
    hour: float


class ItemReport(ListedReport, rename="camel"):
    """The oldest due item of a queue."""

    id: str
    app_id: str | None
    conversation_id: str | None
    user_id: str | None
    since: datetime
    note: str | None


class QueueReport(ListedReport, rename="camel"):
    """A queue; with `more`, depth and age are lower bounds."""

    name: str
    depth: int
    due: int
    more: bool
    age_seconds: float
    oldest: ItemReport | None
    arrived: RateReport | None
    done: RateReport | None


class WorkerReport(ListedReport, rename="camel"):
    """A worker with its view of the relays."""

    name: str
    started_at: datetime
    beat_at: datetime
    alive: bool
    relays: list[RelayStatus]


class StatusReport(msgspec.Struct, rename="camel"):
    """State of the whole; `findings` says what is wrong and what to do. The broker's is its error, or null."""

    at: datetime
    queues: list[QueueReport]
    workers: list[WorkerReport]
    broker_error: str | None
    findings: list[str]


@click.command()
@click.option("--watch", is_flag=True, help="Look again every two seconds, until Ctrl-C.")
@json_option
def status(*, watch: bool, as_json: bool) -> None:
    """Show queues, workers, relays and broker, and what is stuck.

    The age is the time for which a queue's oldest item has been due; the rates are those of the last minute.
    """
    settings = datadir.settings("database_url", "redis_url")
    with connect.database(settings) as database:
        while True:
            with database.transaction() as session:
                report = _report(queues.read(session, clock.now()), _broker_error(settings))
            click.echo(CLEAR if watch and not as_json else "", nl=False)
            _print(report, as_json=as_json)
            if not watch:
                return
            time.sleep(PAUSE)


def _report(system: SystemStatus, broker_error: str | None) -> StatusReport:
    trouble = [f"The broker does not answer ({broker_error}): work starts a little later, by the sweep."]
    return StatusReport(
        system.at,
        [QueueReport.of(queue) for queue in system.queues],
        [WorkerReport.of(worker) for worker in system.workers],
        broker_error,
        [*advice.findings(system), *(trouble if broker_error else ())],
    )


def _broker_error(settings: Settings) -> str | None:
    """Why the broker does not answer a ping; None if it does."""
    with redis.Redis.from_url(settings.require("redis_url"), socket_timeout=2, socket_connect_timeout=2) as broker:
        try:
            broker.ping()
        except redis.RedisError as error:
            return type(error).__name__
    return None


def _print(report: StatusReport, *, as_json: bool) -> None:
    if as_json:
        printing.print_json(report)
        return
    printing.records(QUEUES, [_queue(queue) for queue in report.queues])
    click.echo()
    printing.listing(WORKERS, report.workers, "No worker runs.", as_json=False)
    relays = {relay.name: relay for worker in report.workers if worker.alive for relay in worker.relays}
    if relays:
        click.echo()
        printing.records(RELAYS, [printing.plain_values(relay) for relay in relays.values()])
    click.echo(f"\nBroker  {report.broker_error or 'answers'}\n")
    click.echo("\n".join(f"! {printing.plain(finding)}" for finding in report.findings) or "All is well.")


def _queue(queue: QueueReport) -> dict[str, object]:
    most = "more than " if queue.more else ""
    return {
        "name": queue.name,
        "waiting": f"{most}{queue.depth:,}",
        "due": f"{queue.due:,}",
        "age": f"{queue.age_seconds:,.0f} s",
        "in": f"{queue.arrived.minute * 60:,.0f}" if queue.arrived else None,
        "out": f"{queue.done.minute * 60:,.0f}" if queue.done else None,
    }
