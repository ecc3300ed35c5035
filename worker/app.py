"""Celery's configuration. Tasks carry no data, so nothing is missed if Redis loses, repeats or reorders them."""

from celery import Celery

from mailtalk.settings.load import Settings

NAME = "mailtalk"
QUEUE = "mailtalk"


def build(settings: Settings) -> Celery:
    """A Celery application for this broker; each setting has its reason in docs/decisions/0004."""
    app = Celery(NAME, broker=broker_url(settings), set_as_current=False)
    app.conf.update(
        task_default_queue=QUEUE,
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        task_acks_late=True,
        task_reject_on_worker_lost=False,  # the sweep recovers; no poison loop
        task_serializer="json",
        accept_content=["json"],
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_send_task_events=False,
        worker_enable_remote_control=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,  # Celery's default gives up after 100 tries
        broker_connection_timeout=1,
        broker_transport_options={
            "visibility_timeout": 60,
            "socket_timeout": 5,  # above the 1 s that the consumer blocks
            "socket_connect_timeout": 1,
            "health_check_interval": 10,
            "global_keyprefix": "mailtalk:",
        },
    )
    return app


def broker_url(settings: Settings) -> str:
    """The broker's URL as Celery writes it."""
    url = settings.redis_url.get_secret_value() if settings.redis_url else ""
    return f"redis+socket{url.removeprefix('unix')}" if url.startswith("unix://") else url
