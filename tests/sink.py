"""A relay that takes mails on a real socket, and answers what the test wrote down for it."""

import asyncio
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field

from aiosmtpd.smtp import SMTP, Envelope, Session

HANG_UP = "hang up"


@dataclass
class Sink:
    """What came in, and what is to be answered next to a verb: MAIL, RCPT, DATA, or "." for the mail itself."""

    port: int = 0
    answers: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    mails: list[bytes] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    sessions: int = 0
    commands: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def will(self, verb: str, *answers: str) -> None:
        self.answers[verb].extend(answers)

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        answer = self.answers["."].pop(0) if self.answers["."] else "250 2.0.0 taken"
        if answer == HANG_UP:
            server.transport.close()
        if answer.startswith("2") or answer == HANG_UP:
            self.mails.append(envelope.original_content or b"")
            self.recipients.extend(envelope.rcpt_tos)
        return answer


class Protocol(SMTP):
    """aiosmtpd, which says at MAIL, RCPT and DATA what was written down."""

    line_length_limit = 2**20

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.event_handler.sessions += 1
        super().connection_made(transport)

    async def smtp_MAIL(self, arg: str) -> None:  # noqa: N802
        if not await self._scripted("MAIL"):
            await super().smtp_MAIL(arg)

    async def smtp_RCPT(self, arg: str) -> None:  # noqa: N802
        if not await self._scripted("RCPT"):
            await super().smtp_RCPT(arg)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        if not await self._scripted("DATA"):
            await super().smtp_DATA(arg)

    async def _scripted(self, verb: str) -> bool:
        self.event_handler.commands.append(verb)
        answers = self.event_handler.answers[verb]
        if not answers:
            return False
        if (answer := answers.pop(0)) == HANG_UP:
            self.transport.close()
        else:
            await self.push(answer)
        return True


@contextmanager
def sinking() -> Iterator[Sink]:
    sink, loop, stop, ready = Sink(), asyncio.new_event_loop(), asyncio.Event(), threading.Event()

    async def listen() -> None:
        server = await loop.create_server(lambda: Protocol(sink, loop=loop, enable_SMTPUTF8=True), "127.0.0.1", 0)
        sink.port = server.sockets[0].getsockname()[1]
        ready.set()
        await stop.wait()
        server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*others, return_exceptions=True)

    thread = threading.Thread(target=lambda: loop.run_until_complete(listen()))
    with closing(loop):
        thread.start()
        assert ready.wait(10)
        yield sink
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
