"""Mail data, from the 354 to the final dot, with its memory counted against the limits."""

from smtp_bridge.limits import SessionLimits, memory
from smtp_bridge.replies import NO_STORAGE, TOO_LARGE

CRLF = b"\r\n"
END = b"\r\n.\r\n"  # only this ends a mail (RFC 5321 4.1.1.4): a bare LF or CR around the dot is content
UNSURE = len(END) - 1  # bytes at the end of the data that may be part of END


class DataOverrun(Exception):
    """Twice the permitted size was received without a final dot."""


class MailData:
    """Bytes of one mail. Data over a limit is discarded up to the final dot, since clients expect the reply only there.

    Lines may have any length: only the mail's size counts.
    """

    def __init__(self, limits: SessionLimits, size_limit: int) -> None:
        self._limits, self._size_limit = limits, size_limit
        self._data = bytearray(CRLF)  # so that a dot in the first line ends the mail too
        self._dropped = 0
        self._taken = 0
        self.refusal: str | None = None

    def feed(self, part: bytes) -> bytes | None:
        """Add a part; return the bytes after the final dot, or None before it. Raises DataOverrun."""
        start = max(0, len(self._data) - UNSURE)
        self._data += part
        end = self._data.find(END, start)
        if end < 0:
            self._account(len(self._data) - UNSURE)
            return None
        behind = bytes(self._data[end + len(END) :])
        del self._data[end + len(CRLF) :]
        self._account(len(self._data))
        return behind

    @property
    def size(self) -> int:
        """Bytes of the mail so far."""
        return self._dropped + len(self._data) - len(CRLF)

    def take_out(self) -> bytes:
        """Remove and return the mail, with dot-stuffing undone (RFC 5321 4.5.2)."""
        with memoryview(self._data) as view:
            raw = bytes(view[len(CRLF) :])
        self._data = bytearray()
        return raw.removeprefix(b".").replace(b"\r\n.", CRLF)

    def close(self) -> None:
        """Release its memory."""
        self._data = bytearray()
        self._limits.give_back(self._taken)
        self._taken = 0

    def _account(self, certain: int) -> None:
        """Check the size against the limits; `certain` counts the buffered bytes known to belong to the mail."""
        size = max(0, self._dropped + certain - len(CRLF))
        if size > 2 * self._size_limit:
            raise DataOverrun
        if size > self._size_limit:
            self._refuse(TOO_LARGE)
        elif self.refusal or not self._take(memory(size) - self._taken):
            self._refuse(self.refusal or NO_STORAGE)

    def _take(self, cost: int) -> bool:
        if not self._limits.take(cost):
            return False
        self._taken += cost
        return True

    def _refuse(self, refusal: str) -> None:
        self.refusal = refusal
        rest = self._data[-UNSURE:]
        self._dropped += len(self._data) - len(rest)
        self.close()
        self._data = rest
