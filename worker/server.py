"""The process `mailtalk worker`: the sweep first, then Celery on a pool of threads."""

import logging
import warnings
from functools import partial

from celery.exceptions import SecurityWarning

from mailtalk.db.database import Database
from mailtalk.events import record as events
from mailtalk.files import Links
from mailtalk.inbound import log as inbound_log
from mailtalk.inbound.context import Desk
from mailtalk.keys import Keyring
from mailtalk.notifications.builder import Sender
from mailtalk.outbound.deliveries import Rules
from mailtalk.outbound.dkim_signing import Postmark
from mailtalk.outbound.relay import Relay
from mailtalk.settings.load import Settings
from mailtalk.webhooks import log as webhooks_log
from mailtalk.webhooks.ssrf import Guard
from worker import tasks
from worker.app import build
from worker.bell import Bell
from worker.heartbeat import Life
from worker.jobs import Work
from worker.mail_sender import Delivering
from worker.parser_pool import Readers
from worker.purge import Purge
from worker.sweep import Sweep
from worker.webhook_sender import Teller

THREADS = 4
# Nothing is mingled, gossiped or beaten over the broker: workers meet in the database only.
OPTIONS = (
    "--quiet",  # no banner in the middle of what `mailtalk up` says
    "worker",
    "--pool=threads",
    f"--concurrency={THREADS}",
    "--without-gossip",
    "--without-mingle",
    "--without-heartbeat",
    "--loglevel=WARNING",
)

log = logging.getLogger(__name__)


class Worker:
    """The threads of a worker: its life, its sweeps, and what Celery's tasks call."""

    def __init__(self, settings: Settings) -> None:
        self._database = Database(settings.require("database_url"))
        self._bell = Bell(settings)
        self._life = Life(self._database)
        self._readers = Readers()
        keyring = Keyring.from_setting(settings.require("secret_key"))
        self.work = Work(
            self._database,
            keyring,
            self._bell,
            Desk.of(settings, keyring, self._readers),
            _sender(settings),
            _delivering(settings, self._database, keyring, self._life),
        )
        self._teller = _teller(settings, self._database, keyring, self._life)
        # Four, so that neither a slow relay nor a slow DNS nor a webhook keeps any change or other reply waiting.
        self._sweeps = (
            Sweep(
                self._database,
                self.work.next_arrival,
                self.work.recover,
                self.work.apply_changes,
                self.work.process_inbound,
                _purge(settings, self._database).look,
            ),
            Sweep(self._database, self.work.next_due, self.work.deliver),
            Sweep(self._database, self.work.next_proof, self.work.prove_senders),
            Sweep(self._database, self._teller.due, self._teller.recover, self._teller.look),
        )
        self.celery = build(settings)
        tasks.register(self.celery, self.work)

    def start(self) -> None:
        """Begin to live and to sweep."""
        self._life.start()
        for sweep in self._sweeps:
            sweep.start()

    def stop(self) -> None:
        """Finish what is in hand."""
        for sweep in self._sweeps:
            sweep.stop()
        self.work.close()
        self._teller.close()
        self._readers.close()
        self._life.stop()
        self._bell.close()
        self.celery.close()
        self._database.close()


def run(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT, then finish what is in hand."""
    warnings.filterwarnings("ignore", category=SecurityWarning)  # root is refused nowhere: tasks carry no code
    worker = Worker(settings)
    worker.start()
    log.info("working")
    try:
        worker.celery.worker_main(list(OPTIONS))
    finally:
        worker.stop()


def _sender(settings: Settings) -> Sender:
    return Sender(
        settings.sender, settings.reply_domain, settings.base_url, settings.file_url_seconds, Postmark.of(settings)
    )


def _purge(settings: Settings, database: Database) -> Purge:
    return Purge(
        database,
        partial(inbound_log.purge, days=settings.raw_mail_days),
        partial(webhooks_log.purge, days=settings.event_days),
        partial(events.purge, days=settings.event_days),
    )


def _delivering(settings: Settings, database: Database, keyring: Keyring, life: Life) -> Delivering:
    relay = Relay(settings.relay_url.get_secret_value()) if settings.relay_url else None
    rules, connections = Rules.of(settings), settings.relay_connections
    return Delivering(database, keyring, settings.reply_domain, relay, rules, lambda: life.id, connections)


def _teller(settings: Settings, database: Database, keyring: Keyring, life: Life) -> Teller:
    links = Links(keyring, settings.base_url, settings.file_url_seconds)
    return Teller(database, keyring, Guard(settings.webhook_allow_private), links, lambda: life.id)
