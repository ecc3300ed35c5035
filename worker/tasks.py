"""The tasks: each says no more than "look"."""

from celery import Celery

from worker.bell import APPLY_CHANGES, DELIVER, PROCESS_INBOUND
from worker.work import Work


def register(app: Celery, work: Work) -> None:
    """Give the application the tasks, bound to this worker's work."""
    app.task(name=APPLY_CHANGES, shared=False)(work.apply_changes)
    app.task(name=PROCESS_INBOUND, shared=False)(work.process_inbound)
    app.task(name=DELIVER, shared=False)(work.deliver)
