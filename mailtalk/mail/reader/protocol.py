"""What is said to and by the process that reads mails: a length of four bytes, then MessagePack, never pickle."""

from collections.abc import Callable
from typing import TypeAlias

import msgspec

from mailtalk.mail.reader.reading import Reading
from mailtalk.mail.replies.extract import Reply

HEAD = 4  # bytes
LARGEST = 64_000_000  # bytes: a mail of the largest size with all of its files decoded


class ReadMail(msgspec.Struct, frozen=True, tag=True):
    """Judge this mail, and keep it in mind."""

    raw: bytes
    mail_from: str
    own_domain: str


class ExtractReply(msgspec.Struct, frozen=True, tag=True):
    """What its author wrote in the mail in mind, who may answer our mail `sent`."""

    sent: bytes | None


class MailRead(msgspec.Struct, frozen=True, tag=True):
    """The answer to ReadMail."""

    reading: Reading


class ReplyExtracted(msgspec.Struct, frozen=True, tag=True):
    """The answer to ExtractReply."""

    reply: Reply


class OverLimit(msgspec.Struct, frozen=True, tag=True):
    """The mail is beyond a limit."""

    reason: str


class ReadingFailed(msgspec.Struct, frozen=True, tag=True):
    """Reading raised what it should not: which exception, and where."""

    reason: str


ReaderRequest: TypeAlias = ReadMail | ExtractReply
ReaderResponse: TypeAlias = MailRead | ReplyExtracted | OverLimit | ReadingFailed

_encoder = msgspec.msgpack.Encoder()
_questions = msgspec.msgpack.Decoder(ReaderRequest)
_answers = msgspec.msgpack.Decoder(ReaderResponse)


def frame(said: ReaderRequest | ReaderResponse | None) -> bytes:
    """The bytes of one frame; None is the empty one, by which a process says that it is ready."""
    body = b"" if said is None else _encoder.encode(said)
    return len(body).to_bytes(HEAD, "big") + body


def body(exactly: Callable[[int], bytes | bytearray]) -> bytes | bytearray:
    """One frame's body; `exactly` gives that many bytes or raises EOFError."""
    length = int.from_bytes(exactly(HEAD), "big")
    if length > LARGEST:
        raise EOFError("this is no frame")
    return exactly(length)


def decode_request(body: bytes | bytearray) -> ReaderRequest:
    """A frame's body as the child understands it."""
    decoded: ReaderRequest = _questions.decode(body)
    return decoded


def decode_response(body: bytes | bytearray) -> ReaderResponse:
    """A frame's body as the worker understands it; msgspec.DecodeError when it is none."""
    decoded: ReaderResponse = _answers.decode(body)
    return decoded
