"""Celery tasks, without arguments: each rings a bell, on which a job looks at its queue."""

from collections.abc import Callable

from celery import Celery

from worker.bell import APPLY_CHANGES, DELIVER, PROCESS_INBOUND, SEND_WEBHOOKS
from worker.jobs import Jobs, safely
from worker.webhook_sender import WebhookSender


def register(app: Celery, jobs: Jobs, webhook_sender: WebhookSender) -> None:
    """Register the tasks with this worker's jobs."""
    _task(app, APPLY_CHANGES, jobs.apply_changes)
    _task(app, PROCESS_INBOUND, jobs.take_mail_in)
    _task(app, DELIVER, jobs.deliver)
    _task(app, SEND_WEBHOOKS, webhook_sender.look)


def _task(app: Celery, name: str, verb: Callable[[], None]) -> None:
    # Not shared: otherwise Celery would register the task with every other application of this process.
    @app.task(name=name, shared=False)
    def look() -> None:
        safely(verb)
