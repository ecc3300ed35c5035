"""The process `mailtalk worker`: sweeps first, then Celery on a pool of threads."""

import logging
import warnings
from collections.abc import Sequence
from datetime import datetime
from functools import partial

from celery.exceptions import SecurityWarning
from sqlalchemy.orm import Session

from mailtalk.changes import log as change_log
from mailtalk.conversations import message_retention
from mailtalk.db import seen
from mailtalk.db.database import Database
from mailtalk.events import record as events
from mailtalk.files import Links
from mailtalk.inbound import log as inbound_log
from mailtalk.inbound import sender_questions
from mailtalk.inbound.context import InboundContext
from mailtalk.keys import Keyring
from mailtalk.mail.address import AddressScheme
from mailtalk.notifications import windows
from mailtalk.notifications.mails import MailIdentity
from mailtalk.notifications.windows import Pace
from mailtalk.outbound import retention
from mailtalk.outbound.circuit_breaker import RelayStatus
from mailtalk.outbound.dkim_signing import MailSigner
from mailtalk.outbound.relay import Relays
from mailtalk.outbound.sending_settings import SendingSettings
from mailtalk.settings.load import Settings
from mailtalk.webhooks import log as webhooks_log
from mailtalk.webhooks.ssrf import SsrfGuard
from worker import tasks
from worker.app import build
from worker.bell import Bell
from worker.heartbeat import Heartbeat
from worker.jobs import Jobs
from worker.mail_sender import MailSender
from worker.parser_pool import ParserPool
from worker.pull_back import PullBack
from worker.purge import Purge
from worker.sweep import RESTING, Sweep, Watch
from worker.webhook_sender import WebhookSender

THREADS = 6  # tasks of mail take five at most, so that one is left for changes
# No mingle, gossip or heartbeat over the broker: workers coordinate through the database only.
OPTIONS = (
    "--quiet",  # no banner in the output of `mailtalk up`
    "worker",
    "--pool=threads",
    f"--concurrency={THREADS}",
    "--without-gossip",
    "--without-mingle",
    "--without-heartbeat",
    "--loglevel=WARNING",
)

log = logging.getLogger(__name__)


class WorkerServer:
    """A worker process: its heartbeat, its sweeps, and the jobs that they and Celery's tasks call."""

    def __init__(self, settings: Settings) -> None:
        self._database = Database(settings.require("database_url"))
        self._bell = Bell(settings)
        self._database.committed = self._bell.ring_for_events
        self._heartbeat = Heartbeat(self._database, self._relays)
        self._readers = ParserPool()
        keyring = Keyring.from_setting(settings.require("secret_key"))
        self.jobs = Jobs(
            self._database,
            keyring,
            self._bell,
            _identity(settings),
            _mail_sender(settings, self._database, keyring, self._heartbeat),
            InboundContext.from_settings(settings, keyring, self._readers),
            lambda: self._heartbeat.id,
        )
        self._webhook_sender = _webhook_sender(settings, self._database, keyring, self._heartbeat)
        self._sweeps = self._sweeps_of(settings)
        self.celery = build(settings)
        tasks.register(self.celery, self.jobs, self._webhook_sender)

    def start(self) -> None:
        """Start the heartbeat, then the sweeps."""
        self._heartbeat.start()
        for sweep in self._sweeps:
            sweep.start()

    def stop(self) -> None:
        """Stop the sweeps, finish the work in progress, then end the heartbeat."""
        for sweep in self._sweeps:
            sweep.stop()
        self.jobs.close()
        self._webhook_sender.close()
        self._readers.close()
        self._heartbeat.stop()
        self._bell.close()
        self.celery.close()
        self._database.close()

    def _sweeps_of(self, settings: Settings) -> Sequence[Sweep]:
        """One sweep each, so that a slow relay, DNS server or webhook delays neither changes nor replies."""
        watch = Watch(self._database)
        looks = (
            (self.jobs.next_arrival, self.jobs.apply_changes),
            (self.jobs.next_mail, self.jobs.process_inbound),
            (self.jobs.next_due, self.jobs.deliver),
            (self.jobs.next_proof, self.jobs.prove_senders),
            (self._webhook_sender.due, self._webhook_sender.look),
        )
        purge = _purge(settings, self._database)
        pull_back = PullBack(self._database, Pace.of(settings), SendingSettings.of(settings))
        return (
            Sweep(watch, _never, self.jobs.recover, self._webhook_sender.recover, purge.look, pull_back.look),
            *(Sweep(watch, due, look, longest=RESTING) for due, look in looks),
        )

    def _relays(self) -> Sequence[RelayStatus]:
        return self.jobs.mail_sender.relay_status()


def run(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT, then finish the work in progress."""
    warnings.filterwarnings("ignore", category=SecurityWarning)  # running as root is allowed: tasks carry no code
    worker = WorkerServer(settings)
    worker.start()
    log.info("working%s", "; mails and webhooks are held" if settings.hold_outgoing else "")
    try:
        worker.celery.worker_main(list(OPTIONS))
    finally:
        worker.stop()


def _never(_session: Session, _now: datetime) -> datetime | None:
    """Due time of recovery and purging, for which nothing in the database waits."""
    return None


def _identity(settings: Settings) -> MailIdentity:
    return MailIdentity(
        settings.sender,
        settings.reply_domain,
        settings.base_url,
        settings.file_url_seconds,
        MailSigner.of(settings),
        settings.recipient_mails_per_hour,
        settings.own_mailbox,
        settings.photos,
    )


def _purge(settings: Settings, database: Database) -> Purge:
    return Purge(
        database,
        partial(windows.purge, days=settings.notification_days),
        partial(retention.purge, days=settings.notification_days),
        partial(message_retention.purge, days=settings.message_days),
        partial(seen.purge, days=settings.change_days),
        partial(change_log.purge, days=settings.change_days),
        partial(inbound_log.purge, days=settings.raw_mail_days),
        partial(sender_questions.purge, days=settings.raw_mail_days),
        partial(webhooks_log.purge, days=settings.event_days),
        partial(events.purge, days=settings.event_days),
    )


def _mail_sender(settings: Settings, database: Database, keyring: Keyring, heartbeat: Heartbeat) -> MailSender:
    rules, connections = SendingSettings.of(settings), settings.relay_connections
    urls = settings.relay_url.get_secret_value() if settings.relay_url else None
    relays = Relays(urls, connections=connections) if urls else None
    scheme = AddressScheme(settings.reply_domain, settings.own_mailbox)
    return MailSender(database, keyring, scheme, relays, rules, lambda: heartbeat.id, connections)


def _webhook_sender(settings: Settings, database: Database, keyring: Keyring, heartbeat: Heartbeat) -> WebhookSender:
    links = Links(keyring, settings.base_url, settings.file_url_seconds)
    guard = SsrfGuard(settings.webhook_allow_private)
    sender = WebhookSender(database, keyring, guard, links, lambda: heartbeat.id)
    sender.held = settings.hold_outgoing
    return sender
