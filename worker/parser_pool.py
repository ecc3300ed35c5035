"""Readers: what is hostile in a mail meets a process of its own, which is replaced when a mail ends it."""

import logging
import os
import weakref
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TypeVar

from mailtalk.mail.parsing.limits import LimitExceeded
from mailtalk.mail.reader import protocol
from mailtalk.mail.reader.reading import Reading, Unreadable
from mailtalk.mail.replies.extract import Reply
from worker.parser_process import Child, Died

Item = TypeVar("Item")
Result = TypeVar("Result")
log = logging.getLogger(__name__)


class ParserPool:
    """Readers to be had, each for one mail at a time; their processes start when they are needed, and stay."""

    def __init__(self, count: int | None = None) -> None:
        self._count = count or os.cpu_count() or 1
        self._threads = ThreadPoolExecutor(self._count, thread_name_prefix="reader")
        self._idle: list[Child] = []
        self._closed = False
        weakref.finalize(self, _end, self._idle)

    def map(self, read: Callable[["Parser", Item], Result], items: Sequence[Item]) -> list[Result]:
        """The results of `read(reader, item)` in the order of the items; one is read on each core at once."""
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
        """Have a reader to oneself while the block runs."""
        reader = Parser(self._spare())
        try:
            yield reader
        finally:
            self._put_back(reader.child)

    def close(self) -> None:
        """End them; one that is in use ends when it comes back."""
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
    """Reads one mail; Unreadable when it ended two processes, so that no mail is to blame for a process's death."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self._mail: protocol.ReadRequest | None = None

    def read(self, raw: bytes, mail_from: str, own_domain: str) -> Reading:
        """Judge the mail, and keep it in mind; LimitExceeded for one beyond the limits."""
        self._mail = protocol.ReadRequest(raw, mail_from, own_domain)
        self._make_room(protocol.scale(len(raw)))
        response = self._asked(self._mail)
        if not isinstance(response, protocol.MailRead):
            raise _trouble(response)
        return response.reading

    def words(self, sent: bytes | None) -> Reply:
        """What the person wrote in the mail in mind."""
        if self._mail is None:
            raise LookupError("no mail was read")
        said = self._asked(self._mail, protocol.ExtractRequest(sent))
        if not isinstance(said, protocol.ReplyExtracted):
            raise _trouble(said)
        return said.reply

    def _make_room(self, scale: int) -> None:
        """A large mail is read in a process of its own, with more time and memory."""
        if scale > self.child.scale:
            self.child.end()
            self.child = Child(scale)

    def _asked(self, *questions: protocol.ReaderRequest) -> protocol.ReaderResponse:
        """The answer to the last question, which a new process understands only after those before it."""
        try:
            return self.child.ask(questions[-1])
        except Died as death:
            log.warning("the process that reads mails ended (%s); the mail is tried in another", death.reason)
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
