"""A mail's data, from the 354 to the final dot, in memory that is accounted for."""

from smtp_bridge.limits import SessionLimits, memory
from smtp_bridge.replies import NO_STORAGE, TOO_LARGE

CRLF = b"\r\n"
END = b"\r\n.\r\n"  # this and nothing else ends a mail (RFC 5321 4.1.1.4): a bare LF or CR around the dot is content
UNSURE = len(END) - 1  # bytes at the end of what came that may turn out to be a part of END


class DataOverrun(Exception):
    """Twice the permitted size came without a final dot."""


class MailData:
    """The bytes of one mail. What cannot be kept is read to its dot all the same, so that the reply is understood.

    Lines may have any length: only the mail's size counts.
    """

    def __init__(self, limits: SessionLimits, size_limit: int) -> None:
        self._limits, self._size_limit = limits, size_limit
        self._data = bytearray(CRLF)  # a dot at once ends the mail too
        self._dropped = 0
        self._taken = 0
        self.refusal: str | None = None

    def feed(self, part: bytes) -> bytes | None:
        """Take a part; what came behind the final dot, or None before it. Raises DataOverrun."""
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
        """The mail, without the dots that were put before its lines' own (RFC 5321 4.5.2)."""
        with memoryview(self._data) as view:
            raw = bytes(view[len(CRLF) :])
        self._data = bytearray()
        return raw.removeprefix(b".").replace(b"\r\n.", CRLF)

    def close(self) -> None:
        """Give its memory back."""
        self._data = bytearray()
        self._limits.give_back(self._taken)
        self._taken = 0

    def _account(self, certain: int) -> None:
        """Hold the size against the limits; `certain` counts the bytes at hand that are the mail's own."""
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
