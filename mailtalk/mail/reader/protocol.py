"""The reader protocol: frames of a four-byte length and MessagePack; never pickle."""

from collections.abc import Callable
from typing import TypeAlias

import msgspec

from mailtalk.mail.parsing.parse import Thumbnail
from mailtalk.mail.reader.reading import Reading
from mailtalk.mail.replies.extract import Reply

HEAD = 4  # bytes
ORDINARY = 25_000_000  # bytes of a mail; a larger one gets time and memory in proportion
LARGEST = 3_000_000_000  # bytes of a frame: the largest possible mail, with all of its files decoded


def scale(size: int) -> int:
    """Multiple of an ordinary mail's limits of time and memory, for a mail of this size."""
    return -(-max(size, 1) // ORDINARY)


class ReadRequest(msgspec.Struct, frozen=True, tag=True):
    """Request to parse and classify this mail, and to keep it for ExtractRequest."""

    raw: bytes
    mail_from: str
    own_domain: str
    own_mailbox: str = ""


class ExtractRequest(msgspec.Struct, frozen=True, tag=True):
    """Request to extract the reply from the mail read last.

    `sent` is the mail of ours that it answers, if known, `locale` the author's, for words that reading adds.
    """

    sent: bytes | None
    locale: str | None = None


class ThumbnailRequest(msgspec.Struct, frozen=True, tag=True):
    """Request to make a thumbnail of this picture; of a portrait, a square."""

    content: bytes
    is_portrait: bool = False


class MailRead(msgspec.Struct, frozen=True, tag=True):
    """Response to ReadRequest."""

    reading: Reading


class ReplyExtracted(msgspec.Struct, frozen=True, tag=True):
    """Response to ExtractRequest."""

    reply: Reply


class ThumbnailMade(msgspec.Struct, frozen=True, tag=True):
    """Response to ThumbnailRequest; None: it is no picture that can be decoded within the limits."""

    thumbnail: Thumbnail | None


class OverLimit(msgspec.Struct, frozen=True, tag=True):
    """Response: the mail exceeds a parser limit."""

    reason: str


class ReadingFailed(msgspec.Struct, frozen=True, tag=True):
    """Response: an unexpected exception, by class and place."""

    reason: str


ReaderRequest: TypeAlias = ReadRequest | ExtractRequest | ThumbnailRequest
ReaderResponse: TypeAlias = MailRead | ReplyExtracted | ThumbnailMade | OverLimit | ReadingFailed

_encoder = msgspec.msgpack.Encoder()
_questions = msgspec.msgpack.Decoder(ReaderRequest)
_answers = msgspec.msgpack.Decoder(ReaderResponse)


def frame(said: ReaderRequest | ReaderResponse | None) -> bytes:
    """Serialize one frame; None is the empty frame, sent once when the process is ready."""
    body = b"" if said is None else _encoder.encode(said)
    return len(body).to_bytes(HEAD, "big") + body


def body(exactly: Callable[[int], bytes | bytearray]) -> bytes | bytearray:
    """Read one frame's body; `exactly` returns that many bytes or raises EOFError."""
    length = int.from_bytes(exactly(HEAD), "big")
    if length > LARGEST:
        raise EOFError("this is no frame")
    return exactly(length)


def decode_request(body: bytes | bytearray) -> ReaderRequest:
    """Decode a request, in the reader process."""
    decoded: ReaderRequest = _questions.decode(body)
    return decoded


def decode_response(body: bytes | bytearray) -> ReaderResponse:
    """Decode a response, in the worker; raises msgspec.DecodeError."""
    decoded: ReaderResponse = _answers.decode(body)
    return decoded
