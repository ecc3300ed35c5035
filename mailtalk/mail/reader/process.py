"""The reader process (`python -m mailtalk.mail.reader.process`): requests and responses over file descriptor 0.

It has no credentials, no database and no settings, and limited time, memory and files; the worker can kill it.
"""

import os
import resource
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

from mailtalk.mail.parsing import limits, parse
from mailtalk.mail.reader import protocol, reading, thumbnails

CPU_SECONDS = 2  # for one request, rounded up
MEMORY = 512_000_000  # bytes of address space
FILES = 16  # code and character sets are loaded on first use
_NONE = (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE, resource.RLIMIT_NPROC)


def main() -> None:
    """Serve requests until the worker closes the connection; the argument is the multiple of the limits."""
    scale = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    with open(0, "rb") as asked, open(os.dup(0), "wb", buffering=0) as answered:  # noqa: PTH123  these are no paths
        _confine(scale)
        _say(answered, None)
        mind = _LastMail()
        with suppress(EOFError):
            while True:
                question = protocol.decode_request(protocol.body(lambda size: _exactly(asked, size)))
                _limit_time(scale)
                _say(answered, _answer(mind, question))


class _LastMail:
    """The most recently read mail."""

    def __init__(self) -> None:
        self.mail: parse.ParsedMail | None = None
        self.domain = ""

    def read(self, question: protocol.ReadRequest) -> protocol.MailRead:
        self.mail, self.domain = None, question.own_domain
        self.mail = reading.without_secrets(parse.parse(question.raw), question.own_domain)
        own = {"own_domain": question.own_domain, "own_mailbox": question.own_mailbox}
        found = reading.read(self.mail, question.raw, mail_from=question.mail_from, **own)
        return protocol.MailRead(found)

    def words(self, question: protocol.ExtractRequest) -> protocol.ReplyExtracted:
        if self.mail is None:
            raise LookupError("no mail was read")
        found = reading.words(self.mail, own_domain=self.domain, sent=question.sent, locale=question.locale)
        return protocol.ReplyExtracted(found)


def _answer(mind: _LastMail, question: protocol.ReaderRequest) -> bytes:
    try:
        return protocol.frame(_response(mind, question))
    except limits.LimitExceeded as error:
        return protocol.frame(protocol.OverLimit(error.reason))
    except MemoryError:
        return protocol.frame(protocol.ReadingFailed("memory"))
    except Exception as error:  # noqa: BLE001  its text may quote the mail: only its class and place are sent
        return protocol.frame(protocol.ReadingFailed(_where(error)))


def _response(mind: _LastMail, question: protocol.ReaderRequest) -> protocol.ReaderResponse:
    if isinstance(question, protocol.ThumbnailRequest):
        return protocol.ThumbnailMade(thumbnails.of(question.content, is_portrait=question.is_portrait))
    return mind.read(question) if isinstance(question, protocol.ReadRequest) else mind.words(question)


def _where(error: Exception) -> str:
    """Class of the exception, and file and line of our innermost frame."""
    trace, place = error.__traceback__, ""
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        place = f" at {Path(name).name}:{trace.tb_lineno}" if "mailtalk" in name else place
        trace = trace.tb_next
    return type(error).__name__ + place


def _confine(scale: int) -> None:
    with suppress(ValueError, OSError):  # macOS knows no limit of address space
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY * scale, MEMORY * scale))
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))
    for each in _NONE:
        resource.setrlimit(each, (0, 0))


def _limit_time(scale: int) -> None:
    """Set RLIMIT_CPU for the next request; the kernel counts CPU time since the process start."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + 1 + CPU_SECONDS * scale, hard))


def _exactly(asked: IO[bytes], size: int) -> bytes:
    read = asked.read(size)
    if len(read) < size:
        raise EOFError
    return read


def _say(answered: IO[bytes], frame: bytes | None) -> None:
    rest = memoryview(protocol.frame(None) if frame is None else frame)
    while rest:
        rest = rest[answered.write(rest) :]


if __name__ == "__main__":
    main()
