"""Quarantine: mails put aside for a person to look at; let out by an operator, the app, or the link we mailed."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from datetime import datetime, timedelta
from struct import Struct

from mailtalk.errors import Conflict, NotFound
from mailtalk.keys import Key, Keyring
from mailtalk.models import InboundMail
from mailtalk.vocabulary import Outcome

LINK = timedelta(days=7)
USE = b"release"
REPLAYABLE = (Outcome.FAILED, Outcome.REFUSED, Outcome.QUARANTINED, Outcome.IGNORED)
_CONTENT = Struct(">QQ")  # the mail's id, and the second since 1970 at which the link ends
_MAC = 16  # bytes


def link(keyring: Keyring, base_url: str, mail_id: int, now: datetime) -> str:
    """Where the participant lets this mail out; good for nothing else, and not for long."""
    content = _CONTENT.pack(mail_id, int((now + LINK).timestamp()))
    token = urlsafe_b64encode(content + _mac(keyring.current, content)).rstrip(b"=").decode()
    return f"{base_url}/inbound/release/{token}"


def opened(keyring: Keyring, token: str, now: datetime) -> int:
    """The mail that a link's token is about; NotFound for one that is not ours, or has ended."""
    try:
        raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (NotBase64, ValueError):
        raise _gone() from None
    content, mac = raw[: _CONTENT.size], raw[_CONTENT.size :]
    if len(content) != _CONTENT.size or keyring.signer(mac, lambda key: _mac(key, content)) is None:
        raise _gone()
    mail_id, end = _CONTENT.unpack(content)
    if now.timestamp() > end:
        raise _gone()
    return int(mail_id)


def release(row: InboundMail, now: datetime) -> None:
    """Let a mail out: it is processed again, and its sender is not asked about. Twice is once.

    Conflict for one that is not in quarantine.
    """
    if row.released_at is not None and row.outcome in {Outcome.RECEIVED, Outcome.POSTED}:
        return
    if row.outcome != Outcome.QUARANTINED:
        raise Conflict([f"it is {row.outcome}, not quarantined"], "NOT_QUARANTINED")
    row.released_at = now
    _again(row)


def replay(row: InboundMail) -> None:
    """Process a mail again from its raw bytes, with every check; one that waits is left waiting.

    Conflict for one that had its effect, which would have it twice.
    """
    if row.outcome == Outcome.RECEIVED:
        return
    if row.outcome not in REPLAYABLE:
        raise Conflict([f"it is {row.outcome}: it had its effect"], "NOT_REPLAYABLE")
    _again(row)
    row.evidence = None


def _again(row: InboundMail) -> None:
    if row.raw_id is None:
        raise Conflict(["its raw bytes were purged; see MAILTALK_RAW_MAIL_DAYS"], "RAW_MAIL_PURGED")
    row.outcome, row.reason, row.processed_at = Outcome.RECEIVED, None, None
    row.attempts, row.not_before = 0, None


def _mac(key: Key, content: bytes) -> bytes:
    return key.derive(USE, content)[:_MAC]


def _gone() -> NotFound:
    return NotFound(["this link does not work, or not any more"])
