"""The one exception tree.

MailtalkError
├── Refused              the request's fault: its sender is told what is wrong
│   ├── Invalid          a field has a wrong value
│   ├── Unauthorized     no credential, or a wrong one
│   ├── NotFound         there is no such user, conversation, participant, …
│   ├── Conflict         the state forbids it: PARTICIPANT_LIMIT
│   ├── InProgress       the first request of an Idempotency-Key is still being worked on
│   ├── KeyReused        an Idempotency-Key of another request
│   └── TooLarge         more than we take
└── Unavailable          our fault and temporary: HTTP 503, SMTP 451; the same request may be sent again
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

Reasons: TypeAlias = Mapping[str, Sequence[str]] | Sequence[str]


class MailtalkError(Exception):
    """Whatever we raise on purpose."""


class Refused(MailtalkError):
    """A person's or a program's fault: `code` for machines, `reasons` (by field, or a list) for people."""

    code = "REFUSED"

    def __init__(self, reasons: Reasons, code: str | None = None) -> None:
        super().__init__(code or self.code, reasons)
        self.code = code or self.code
        self.reasons = reasons


class Invalid(Refused):
    """A field has a wrong type or value."""

    code = "INVALID_ARGUMENTS"


class Unauthorized(Refused):
    """No credential, or a wrong one."""

    code = "UNAUTHORIZED"


class NotFound(Refused):
    """There is no such thing, or not for this app."""

    code = "NOT_FOUND"


class Conflict(Refused):
    """The state forbids it."""

    code = "PARTICIPANT_LIMIT"


class InProgress(Refused):
    """The first request of an Idempotency-Key is still being worked on; the same request may be sent again."""

    code = "IN_PROGRESS"


class KeyReused(Refused):
    """An Idempotency-Key that was used for another request."""

    code = "IDEMPOTENCY_KEY_REUSED"


class TooLarge(Refused):
    """More than we take in one request."""

    code = "TOO_LARGE"


class Unavailable(MailtalkError):
    """Our fault and temporary; what was asked may or may not have happened, and may be sent again."""
