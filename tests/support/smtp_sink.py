"""A relay that takes mails on a real socket, and answers what the test wrote down for it."""

import asyncio
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from socket import SO_LINGER, SOL_SOCKET
from struct import pack
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

HANG_UP = "hang up"
RESET = "reset"
HANG = "hang"


@dataclass
class Sink:
    """What came in, and what is to be answered next: to CONNECT, EHLO, MAIL, RCPT, DATA, or "." for the mail itself."""

    port: int = 0
    answers: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    mails: list[bytes] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    sessions: int = 0
    commands: list[str] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    extensions: tuple[str, ...] = ()
    delay: float = 0.0  # seconds between having a mail and saying so
    loop: asyncio.AbstractEventLoop | None = None
    transports: list[asyncio.BaseTransport] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def will(self, verb: str, *answers: str) -> None:
        self.answers[verb].extend(answers)

    def stop(self, transport: asyncio.BaseTransport) -> None:
        """Hang up."""
        assert self.loop
        self.loop.call_soon_threadsafe(transport.close)

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        answer = self.answers["."].pop(0) if self.answers["."] else "250 2.0.0 taken"
        if answer.startswith("2") or answer in {HANG_UP, RESET, HANG}:
            self.mails.append(envelope.original_content or b"")
            self.recipients.extend(envelope.rcpt_tos)
            self.senders.append(envelope.mail_from or "")
        await asyncio.sleep(self.delay)
        return await _fault(server, answer) or answer

    async def handle_EHLO(  # noqa: N802
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [*responses[:-1], *(f"250-{each}" for each in self.extensions), responses[-1]]


async def _fault(server: SMTP, answer: str) -> str | None:
    """Do what is no answer; None when it is one."""
    if answer == HANG_UP:
        server.transport.close()
    elif answer == RESET:
        server.transport.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, pack("ii", 1, 0))
        server.transport.abort()
    elif answer == HANG:
        await asyncio.Event().wait()
    else:
        return None
    return answer


class Protocol(SMTP):
    """aiosmtpd, which says at MAIL, RCPT and DATA what was written down."""

    line_length_limit = 2**20

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.event_handler.sessions += 1
        self.event_handler.transports.append(transport)
        super().connection_made(transport)

    async def _handle_client(self) -> None:
        if not await self._scripted("CONNECT"):
            await super()._handle_client()
        else:
            self.transport.close()

    async def smtp_EHLO(self, arg: str) -> None:  # noqa: N802
        if not await self._scripted("EHLO"):
            await super().smtp_EHLO(arg)

    async def smtp_HELO(self, arg: str) -> None:  # noqa: N802
        if not await self._scripted("HELO"):
            await super().smtp_HELO(arg)

    async def smtp_AUTH(self, arg: str) -> None:  # noqa: N802
        if not await self._scripted("AUTH"):
            await super().smtp_AUTH(arg)

    async def smtp_MAIL(self, arg: str) -> None:  # noqa: N802
        if not await self._scripted("MAIL"):
            await super().smtp_MAIL(self._without_options(arg))

    async def smtp_RCPT(self, arg: str) -> None:  # noqa: N802
        if not await self._scripted("RCPT"):
            await super().smtp_RCPT(self._without_options(arg))

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        if not await self._scripted("DATA"):
            await super().smtp_DATA(arg)

    def _without_options(self, arg: str) -> str:
        path, _, options = arg.partition("> ")
        self.event_handler.options += options.split()
        return f"{path}>" if options else arg

    async def _scripted(self, verb: str) -> bool:
        self.event_handler.commands.append(verb)
        answers = self.event_handler.answers[verb]
        if not answers:
            return False
        answer = answers.pop(0)
        if await _fault(self, answer) is None:
            await self.push(answer)
        return True


@contextmanager
def sinking(**options: Any) -> Iterator[Sink]:
    sink, loop, stop, ready = Sink(), asyncio.new_event_loop(), asyncio.Event(), threading.Event()

    sink.loop = loop

    async def listen() -> None:
        server = await loop.create_server(
            lambda: Protocol(sink, loop=loop, enable_SMTPUTF8=True, **options), "127.0.0.1", 0
        )
        sink.port = server.sockets[0].getsockname()[1]
        ready.set()
        await stop.wait()
        server.close()
        for transport in sink.transports:
            transport.close()
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
