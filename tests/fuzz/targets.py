"""What is fuzzed: bytes from strangers, and the only errors that they may cause."""

from collections.abc import Callable

import msgspec

from api import wire
from api.app import OPERATIONS
from mailtalk.errors import Invalid
from mailtalk.mail.parsing import limits, parse
from mailtalk.mail.screening import classify

BODIES = [operation.body for operation in OPERATIONS if operation.body is not None]


def mime(data: bytes) -> None:
    """A mail: parsed and screened, or refused by a limit."""
    try:
        mail = parse.parse(data)
    except limits.LimitExceeded:
        return
    classify.classify(mail, mail_from="bob@example.com", own_domain="reply.example")


def json(data: bytes) -> None:
    """A body, as each operation reads it: accepted, or refused with the field's name."""
    for shape in BODIES:
        try:
            wire.decode(data, shape)
        except Invalid as error:
            msgspec.json.encode(error.reasons)


TARGETS: dict[str, Callable[[bytes], None]] = {"mime": mime, "json": json}
