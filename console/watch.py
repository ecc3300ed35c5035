"""Watch: tells the browsers that look at a conversation that something happened there.

One statement a second for all of them, and none while nobody looks.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping

from starlette.concurrency import run_in_threadpool

from mailtalk.db.database import Database
from mailtalk.errors import Unavailable
from mailtalk.ids import ConversationKey
from mailtalk.support import live

PERIOD = 1.0  # seconds between looks
BEAT = 15.0  # seconds of silence after which a sign of life is due

log = logging.getLogger(__name__)


class ConversationWatch:
    """Watchers of this process, by conversation."""

    def __init__(self) -> None:
        self._watchers: dict[ConversationKey, set[asyncio.Event]] = {}
        self._marks: Mapping[ConversationKey, live.Mark] = {}
        self._task: asyncio.Task[None] | None = None

    async def changes(self, database: Database, key: ConversationKey) -> AsyncIterator[bool]:
        """True at each change of the conversation, False as a sign of life in between; until the caller stops."""
        news = asyncio.Event()
        self._watchers.setdefault(key, set()).add(news)
        if key in self._marks:  # else the first look tells: the page may be older than the first mark
            news.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look(database))
        try:
            while True:
                try:
                    await asyncio.wait_for(news.wait(), BEAT)
                except TimeoutError:
                    yield False
                else:
                    news.clear()
                    yield True
        finally:
            self._watchers[key].discard(news)
            if not self._watchers[key]:
                del self._watchers[key]

    async def _look(self, database: Database) -> None:
        while self._watchers:
            try:
                marks = await run_in_threadpool(self._read, database, list(self._watchers))
                self._tell(marks)
            except Unavailable as error:
                log.warning("watching conversations failed: %s", error)
            await asyncio.sleep(PERIOD)
        self._marks = {}

    def _tell(self, marks: Mapping[ConversationKey, live.Mark]) -> None:
        for key, watchers in self._watchers.items():
            if marks.get(key) != self._marks.get(key):
                for news in watchers:
                    news.set()
        self._marks = marks

    @staticmethod
    def _read(database: Database, keys: list[ConversationKey]) -> Mapping[ConversationKey, live.Mark]:
        with database.transaction() as session:
            return live.marks(session, keys)
