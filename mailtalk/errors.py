"""The one exception tree.

MailtalkError
├── Refused              the request's fault: its sender is told what is wrong
│   ├── Invalid          a field has a wrong value
│   ├── Unauthorized     no credential, or a wrong one
│   ├── NotFound         there is no such user, conversation, participant, …
│   ├── Conflict         the state forbids it: PARTICIPANT_LIMIT
│   ├── InProgress       the first request of an Idempotency-Key is still being worked on
│   ├── KeyReused        an Idempotency-Key of another request
│   ├── TooLarge         the request is too large
│   └── TooMany          a rate limit is reached
├── Unavailable          our fault and temporary: HTTP 503, SMTP 451; the same request may be sent again
└── SealBroken           stored bytes cannot be decrypted: changed, or (KeyAway) by a key that is not held; keys.py
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TypeAlias

Reasons: TypeAlias = Mapping[str, Sequence[str]] | Sequence[str]


class ErrorCode(StrEnum):
    """Error codes of the API and of the change log, for programs."""

    BAD_REQUEST = "BAD_REQUEST"
    CONVERSATION_NOT_FOUND = "CONVERSATION_NOT_FOUND"
    FILE_NOT_FOUND = "FILE_NOT_FOUND"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    IN_PROGRESS = "IN_PROGRESS"
    INTERNAL = "INTERNAL"
    INVALID_ARGUMENTS = "INVALID_ARGUMENTS"
    MESSAGE_NOT_FOUND = "MESSAGE_NOT_FOUND"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    NOT_FOUND = "NOT_FOUND"
    NOT_QUARANTINED = "NOT_QUARANTINED"
    NOT_REPLAYABLE = "NOT_REPLAYABLE"
    PARTICIPANT_LIMIT = "PARTICIPANT_LIMIT"
    PARTICIPANT_NOT_FOUND = "PARTICIPANT_NOT_FOUND"
    RATE_LIMITED = "RATE_LIMITED"
    RANGE_NOT_SATISFIABLE = "RANGE_NOT_SATISFIABLE"
    RAW_MAIL_PURGED = "RAW_MAIL_PURGED"
    SUPPRESSION_NOT_FOUND = "SUPPRESSION_NOT_FOUND"
    TOO_LARGE = "TOO_LARGE"
    UNAUTHORIZED = "UNAUTHORIZED"
    UNAVAILABLE = "UNAVAILABLE"
    UNSUPPORTED_ENCODING = "UNSUPPORTED_ENCODING"
    USER_NOT_FOUND = "USER_NOT_FOUND"


class MailtalkError(Exception):
    """Base of all errors raised on purpose."""


class Refused(MailtalkError):
    """Fault of the request: `code` for programs, `reasons` (by field, or a list) for people."""

    code: ErrorCode

    def __init__(self, reasons: Reasons, code: ErrorCode | None = None) -> None:
        super().__init__(code or self.code, reasons)
        self.code = code or self.code
        self.reasons = reasons


class Invalid(Refused):
    """A field has a wrong type or value."""

    code = ErrorCode.INVALID_ARGUMENTS

    def within(self, name: str) -> "Invalid":
        """The same error with its fields prefixed by the part `name`; the field `body` becomes the part itself."""
        reasons = self.reasons if isinstance(self.reasons, Mapping) else {}
        return Invalid({name if field == "body" else f"{name}.{field}": texts for field, texts in reasons.items()})


class Unauthorized(Refused):
    """No credential, or a wrong one."""

    code = ErrorCode.UNAUTHORIZED


class NotFound(Refused):
    """The object does not exist in this app."""

    code = ErrorCode.NOT_FOUND


class Conflict(Refused):
    """The state forbids it."""

    code = ErrorCode.PARTICIPANT_LIMIT


class InProgress(Refused):
    """The first request of an Idempotency-Key is still being worked on; the same request may be sent again."""

    code = ErrorCode.IN_PROGRESS


class KeyReused(Refused):
    """An Idempotency-Key that was used for another request."""

    code = ErrorCode.IDEMPOTENCY_KEY_REUSED


class TooLarge(Refused):
    """The request is too large."""

    code = ErrorCode.TOO_LARGE


class TooMany(Refused):
    """A rate limit is reached; the same request may be sent again after `seconds`."""

    code = ErrorCode.RATE_LIMITED

    def __init__(self, reasons: Reasons, seconds: int) -> None:
        super().__init__(reasons)
        self.seconds = seconds


class Unavailable(MailtalkError):
    """Temporary fault of ours; the request may or may not have had its effect, and may be sent again.

    `is_logged`: its cause is in the log already, once for all that it makes fail.
    """

    def __init__(self, text: str, *, is_logged: bool = False) -> None:
        super().__init__(text)
        self.is_logged = is_logged
