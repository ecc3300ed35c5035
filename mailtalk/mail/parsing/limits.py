"""Parser limits, checked by linear scans before anything is decoded.

A mail's size is limited by the bridge alone (MAILTALK_SMTP_MESSAGE_BYTES), and a line may be as long as the mail.
"""

import re
from dataclasses import dataclass


class LimitExceeded(Exception):
    """A limit is exceeded; `reason` is a stable machine-readable word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits in bytes, or counts for parts, depth, encoded words and addresses; `all_headers`: of all parts."""

    header_block: int = 100_000
    all_headers: int = 500_000
    header: int = 16_000
    parts: int = 500
    depth: int = 30
    encoded_words: int = 500
    addresses: int = 500


DEFAULT = Limits()

_HEADER_END = re.compile(rb"\r?\n\r?\n")
_FOLD = re.compile(rb"\r?\n(?![ \t])")
_ADDRESSED = (b"from:", b"sender:", b"reply-to:", b"to:", b"cc:", b"bcc:", b"resent-to:", b"resent-cc:")


def check(raw: bytes, limits: Limits = DEFAULT) -> None:
    """Check the headers; mime.read counts parts and depth while splitting."""
    check_headers(header_block(raw), limits)


def check_headers(block: bytes, limits: Limits = DEFAULT) -> None:
    """Check the header block of a mail or a part for sizes that are slow to decode."""
    _at_most(len(block), limits.header_block, "header-block-too-large")
    fields = _FOLD.split(block)
    _at_most(max(map(len, fields)), limits.header, "header-too-large")
    _at_most(block.count(b"=?"), limits.encoded_words, "too-many-encoded-words")
    _at_most(sum(map(_addresses, fields)), limits.addresses, "too-many-addresses")


def header_block(raw: bytes) -> bytes:
    """Everything before the first empty line."""
    end = _HEADER_END.search(raw)
    return raw[: end.start()] if end else raw


def _addresses(field: bytes) -> int:
    """An upper bound by commas and at-signs: `"Doe, J" <j@x>` and `j@x <j@x>` count as one each."""
    if not field.lower().startswith(_ADDRESSED):
        return 0
    return min(field.count(b","), field.count(b"@")) + 1


def _at_most(value: int, limit: int, reason: str) -> None:
    if value > limit:
        raise LimitExceeded(reason)
