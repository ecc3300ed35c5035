"""Envelope of a mail in a mailbox, from its header: whom it was delivered to, and its envelope sender. Pure.

A sender can write any field, but only below the first Received, which the last server added: the fields above it are
that server's own.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import NamedTuple

from mailtalk.mail.parsing import headers

ADDED = frozenset({"delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "x-delivered-to"})
WRITTEN = frozenset({"to", "cc"})
MOST = 100  # recipients that are read from one header

Field = tuple[str, str]


class MailboxEnvelope(NamedTuple):
    """Envelope sender, and possible recipients: those that the server added, and those that the sender wrote."""

    mail_from: str
    added: Sequence[str]
    written: Sequence[str]


def read(header: bytes) -> MailboxEnvelope:
    """Read a header block; the envelope sender is empty for a bounce, and the author's without a Return-Path."""
    fields = _fields(header)
    own = takewhile(lambda field: field[0] != "received", fields)
    return MailboxEnvelope(_sender(fields), _addresses(own, ADDED), _addresses(fields, WRITTEN))


def _sender(fields: Sequence[Field]) -> str:
    paths = [value for name, value in fields if name == "return-path"]
    return "".join(_addresses(fields, {"from"})[:1]) if not paths else "".join(headers.addresses(paths[0])[:1])


def _addresses(fields: Iterable[Field], names: Iterable[str]) -> list[str]:
    found = (address for name, value in fields if name in names for address in headers.addresses(value))
    return list(dict.fromkeys(found))[:MOST]


def _fields(header: bytes) -> list[Field]:
    lines = re.split(rb"\r?\n", re.sub(rb"\r?\n(?=[ \t])", b"", header))
    pairs = (line.partition(b":") for line in lines)
    return [(headers.raw_text(name).strip().lower(), headers.raw_text(value)) for name, colon, value in pairs if colon]
