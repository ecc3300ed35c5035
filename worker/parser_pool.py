"""Pool of isolated parser processes: hostile mail can crash only its own process, which is then replaced."""

import logging
import os
import weakref
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TypeVar

from mailtalk.mail.parsing.limits import LimitExceeded
from mailtalk.mail.parsing.parse import Thumbnail
from mailtalk.mail.reader import protocol
from mailtalk.mail.reader.reading import Reading, Unreadable
from mailtalk.mail.replies.extract import Reply
from worker.parser_process import Child, Died

Item = TypeVar("Item")
Result = TypeVar("Result")
log = logging.getLogger(__name__)


class ParserPool:
    """Pool of parsers, each for one mail at a time; processes start on demand and are reused."""

    def __init__(self, count: int | None = None) -> None:
        self._count = count or os.cpu_count() or 1
        self._threads = ThreadPoolExecutor(self._count, thread_name_prefix="reader")
        self._idle: list[Child] = []
        self._closed = False
        weakref.finalize(self, _end, self._idle)

    def map(self, read: Callable[["Parser", Item], Result], items: Sequence[Item]) -> list[Result]:
        """Results of `read(parser, item)` in the order of the items; one per core in parallel."""
        waiting, results = iter(enumerate(items)), dict[int, Result]()

        def work() -> None:
            with self.take() as reader:
                for i, item in waiting:
                    results[i] = read(reader, item)

        for future in [self._threads.submit(work) for _ in range(min(self._count, len(items)))]:
            future.result()
        return [results[i] for i in range(len(items))]

    @contextmanager
    def take(self) -> Iterator["Parser"]:
        """Lend a parser exclusively for the duration of the block."""
        reader = Parser(self._spare())
        try:
            yield reader
        finally:
            self._put_back(reader.child)

    def close(self) -> None:
        """End the idle processes; those in use end when they are returned."""
        self._closed = True
        self._threads.shutdown(wait=False)
        _end(self._idle)

    def _spare(self) -> Child:
        with suppress(IndexError):
            while True:
                child = self._idle.pop()
                if child.lives():
                    return child
                child.end()
        return Child()

    def _put_back(self, child: Child) -> None:
        if self._closed or child.scale > 1 or not child.lives():
            child.end()
        else:
            self._idle.append(child)


class Parser:
    """Parser of one mail; Unreadable if it ended two processes, since one may have died for another reason."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self._mail: protocol.ReadRequest | None = None

    def read(self, raw: bytes, mail_from: str, own_domain: str, own_mailbox: str = "") -> Reading:
        """Parse and classify the mail, and keep it for `words`; LimitExceeded for one beyond the limits."""
        self._mail = protocol.ReadRequest(raw, mail_from, own_domain, own_mailbox)
        self._make_room(protocol.scale(len(raw)))
        response = self._asked(self._mail)
        if not isinstance(response, protocol.MailRead):
            raise _trouble(response)
        return response.reading

    def words(self, sent: bytes | None, locale: str | None = None) -> Reply:
        """Reply text of the mail read last."""
        if self._mail is None:
            raise LookupError("no mail was read")
        said = self._asked(self._mail, protocol.ExtractRequest(sent, locale))
        if not isinstance(said, protocol.ReplyExtracted):
            raise _trouble(said)
        return said.reply

    def thumbnails(self, pictures: Sequence[bytes], *, are_portraits: bool = False) -> list[Thumbnail | None]:
        """Thumbnails of pictures, None for one that has none; after a picture that ends the process, no more."""
        made: list[Thumbnail | None] = [None] * len(pictures)
        for i, picture in enumerate(pictures):
            try:
                answer = self.child.ask(protocol.ThumbnailRequest(picture, are_portraits))
            except Died as death:
                log.warning("a parser process ended (%s) at a picture, which gets no thumbnail", death.reason)
                self.child = Child(self.child.scale)
                break
            made[i] = answer.thumbnail if isinstance(answer, protocol.ThumbnailMade) else None
        return made

    def _make_room(self, scale: int) -> None:
        """Replace the process by one with more time and memory, for a large mail."""
        if scale > self.child.scale:
            self.child.end()
            self.child = Child(scale)

    def _asked(self, *questions: protocol.ReaderRequest) -> protocol.ReaderResponse:
        """Response to the last request; a new process needs the earlier ones first."""
        try:
            return self.child.ask(questions[-1])
        except Died as death:
            log.warning("a parser process ended (%s); the mail is retried in a new one", death.reason)
        self.child = Child(self.child.scale)
        try:
            return [self.child.ask(question) for question in questions][-1]
        except Died as death:
            raise Unreadable(death.reason) from None


def _trouble(answer: protocol.ReaderResponse) -> Exception:
    if isinstance(answer, protocol.OverLimit):
        return LimitExceeded(answer.reason)
    return Unreadable(answer.reason if isinstance(answer, protocol.ReadingFailed) else "died")


def _end(children: list[Child]) -> None:
    with suppress(IndexError):
        while True:
            children.pop().end()
