"""The product's relays, used from a test's own thread: an event loop runs them on another one."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from mailtalk.outbound.relay import CONNECTIONS, BeforeDot, Relays
from mailtalk.outbound.smtp_connection import SmtpEnvelope, Timeouts
from mailtalk.outbound.smtp_replies import SendResult

Result = TypeVar("Result")


class RelayClient:
    """`Relays` with methods that wait for their result; close it."""

    def __init__(self, urls: str, timeouts: Timeouts = Timeouts(), connections: int = CONNECTIONS) -> None:  # noqa: B008
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.relays = Relays(urls, timeouts, connections)

    def send(self, envelope: SmtpEnvelope, mail: bytes, before_dot: Callable[[], bool]) -> SendResult | None:
        async def asked() -> bool:
            return before_dot()

        return self.send_when(envelope, mail, asked)

    def send_when(self, envelope: SmtpEnvelope, mail: bytes, before_dot: BeforeDot) -> SendResult | None:
        return self._run(self.relays.send(envelope, mail, before_dot))

    def room(self, most: int) -> int:
        return self.relays.room(most)

    def tidy(self) -> None:
        self._run(self.relays.tidy())

    def close(self) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _close(self) -> None:
        await self.relays.close()
        await self._loop.shutdown_default_executor()

    def _run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()
