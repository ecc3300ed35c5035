"""The process `mailtalk worker`: the sweep first, then Celery on a pool of threads."""

import logging

from mailtalk.db import Database
from mailtalk.inbound import Desk
from mailtalk.keys import Keyring
from mailtalk.letters import Sender
from mailtalk.notifications import Pace
from mailtalk.relay import Relay
from mailtalk.settings import Settings
from worker import tasks
from worker.app import build
from worker.bell import Bell
from worker.life import Life
from worker.sweep import Sweep
from worker.work import Work

THREADS = 4
# Nothing is mingled, gossiped or beaten over the broker: workers meet in the database only.
OPTIONS = (
    "worker",
    "--pool=threads",
    f"--concurrency={THREADS}",
    "--without-gossip",
    "--without-mingle",
    "--without-heartbeat",
    "--loglevel=WARNING",
)

log = logging.getLogger(__name__)


def run(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT, then finish what is in hand."""
    database = Database(settings.require("database_url"))
    bell = Bell(settings)
    life = Life(database)
    work = _work(settings, database, bell, life)
    # Two, so that a slow relay keeps no change and no reply waiting.
    sweeps = (
        Sweep(database, work.recover, work.apply_changes, work.process_inbound),
        Sweep(database, work.deliver),
    )
    life.start()
    for sweep in sweeps:
        sweep.start()
    app = build(settings)
    tasks.register(app, work)
    log.info("working")
    try:
        app.worker_main(list(OPTIONS))
    finally:
        for sweep in sweeps:
            sweep.stop()
        work.close()
        life.stop()
        bell.close()
        database.close()


def _work(settings: Settings, database: Database, bell: Bell, life: Life) -> Work:
    keyring = Keyring.from_setting(settings.require("secret_key"))
    return Work(
        database,
        keyring,
        bell,
        Desk(keyring, settings.reply_domain, Pace.of(settings)),
        Sender(settings.sender, settings.reply_domain),
        Relay(settings.relay_url.get_secret_value()) if settings.relay_url else None,
        lambda: life.id,
    )
