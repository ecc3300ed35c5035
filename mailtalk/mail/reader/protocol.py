"""What is said to and by the process that reads mails: a length of four bytes, then MessagePack, never pickle."""

from collections.abc import Callable
from typing import TypeAlias

import msgspec

from mailtalk.mail.reader.reading import Reading
from mailtalk.mail.replies.extract import Reply

HEAD = 4  # bytes
LARGEST = 64_000_000  # bytes: a mail of the largest size with all of its files decoded


class Read(msgspec.Struct, frozen=True, tag=True):
    """Judge this mail, and keep it in mind."""

    raw: bytes
    mail_from: str
    own_domain: str


class Words(msgspec.Struct, frozen=True, tag=True):
    """What its author wrote in the mail in mind, who may answer our mail `sent`."""

    sent: bytes | None


class Found(msgspec.Struct, frozen=True, tag=True):
    """The answer to Read."""

    reading: Reading


class Said(msgspec.Struct, frozen=True, tag=True):
    """The answer to Words."""

    reply: Reply


class Beyond(msgspec.Struct, frozen=True, tag=True):
    """The mail is beyond a limit."""

    reason: str


class Broken(msgspec.Struct, frozen=True, tag=True):
    """Reading raised what it should not: which exception, and where."""

    reason: str


Question: TypeAlias = Read | Words
Answer: TypeAlias = Found | Said | Beyond | Broken

_encoder = msgspec.msgpack.Encoder()
_questions = msgspec.msgpack.Decoder(Question)
_answers = msgspec.msgpack.Decoder(Answer)


def frame(said: Question | Answer | None) -> bytes:
    """The bytes of one frame; None is the empty one, by which a process says that it is ready."""
    body = b"" if said is None else _encoder.encode(said)
    return len(body).to_bytes(HEAD, "big") + body


def body(exactly: Callable[[int], bytes | bytearray]) -> bytes | bytearray:
    """One frame's body; `exactly` gives that many bytes or raises EOFError."""
    length = int.from_bytes(exactly(HEAD), "big")
    if length > LARGEST:
        raise EOFError("this is no frame")
    return exactly(length)


def question(body: bytes | bytearray) -> Question:
    """A frame's body as the child understands it."""
    decoded: Question = _questions.decode(body)
    return decoded


def answer(body: bytes | bytearray) -> Answer:
    """A frame's body as the worker understands it; msgspec.DecodeError when it is none."""
    decoded: Answer = _answers.decode(body)
    return decoded
