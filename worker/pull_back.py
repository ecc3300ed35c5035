"""Pull-back of due times that lie too far ahead, once a minute, by the database's clock."""

import logging
import time

from mailtalk.changes import apply
from mailtalk.db import server_clock
from mailtalk.db.database import Database
from mailtalk.inbound import process
from mailtalk.notifications import pull_back
from mailtalk.notifications.windows import Pace
from mailtalk.outbound.sending_settings import SendingSettings
from mailtalk.webhooks import queue

MINUTE = 60.0  # seconds

log = logging.getLogger(__name__)


class PullBack:
    """Pull-back, called by the sweep; the first call looks."""

    def __init__(self, database: Database, pace: Pace, rules: SendingSettings) -> None:
        self._database, self._pace, self._rules, self._next = database, pace, rules, 0.0

    def look(self) -> None:
        """Pull due times back, unless it was done within the last minute."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + MINUTE
        with self._database.transaction() as session:
            now = server_clock.now(session)
            count = pull_back.pull_back(session, now, self._pace, self._rules)
            count += sum(each.pull_back(session, now) for each in (apply, process, queue))
        if count:
            log.warning("%d due times were too far ahead, as after a clock jumped; their work is due now", count)
