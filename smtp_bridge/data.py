"""A mail's data, from the 354 to the final dot, in memory that is accounted for."""

from asyncio import LimitOverrunError, StreamReader

from smtp_bridge.limits import Guard, memory
from smtp_bridge.replies import NO_STORAGE, TOO_LARGE

CRLF = b"\r\n"
END = b"\r\n.\r\n"  # this and nothing else ends a mail (RFC 5321 4.1.1.4): a bare LF or CR around the dot is content
DOT = b".\r\n"


class Endless(Exception):
    """Twice what a mail may have came without a dot: nobody reads on for that."""


class Content:
    """The bytes of one mail. What cannot be kept is read to its dot all the same, so that the reply is understood."""

    def __init__(self, guard: Guard, limit: int) -> None:
        self._guard, self._limit = guard, limit
        self._data = bytearray()
        self._taken = 0
        self._size = -len(CRLF)
        self.refusal: str | None = None

    async def receive(self, reader: StreamReader) -> None:
        """Read to the final dot; raises Endless. Lines are as long as they are: only the mail's size counts."""
        reader._buffer[:0] = CRLF  # type: ignore[attr-defined]  # noqa: SLF001 - a dot at once ends the mail too
        while not await self._ends(reader):
            pass

    def take_out(self) -> bytes:
        """The mail, without the dots that were put before its lines' own (RFC 5321 4.5.2)."""
        raw, self._data = bytes(self._data), bytearray()
        return raw.replace(b"\r\n.", b"\r\n")[len(CRLF) :]

    def close(self) -> None:
        """Nobody needs its memory any more."""
        self._data = bytearray()
        self._guard.give_back(self._taken)
        self._taken = 0

    async def _ends(self, reader: StreamReader) -> bool:
        try:
            self._add((await reader.readuntil(END))[: -len(DOT)])
        except LimitOverrunError as more:
            self._add(await reader.readexactly(more.consumed))
            return False
        return True

    def _add(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > 2 * self._limit:
            raise Endless
        if self._size > self._limit:
            self._refuse(TOO_LARGE)
        elif not self.refusal and self._guard.take(cost := memory(len(part))):
            self._taken += cost
            self._data += part
        else:
            self._refuse(self.refusal or NO_STORAGE)

    def _refuse(self, refusal: str) -> None:
        self.refusal = refusal
        self.close()
