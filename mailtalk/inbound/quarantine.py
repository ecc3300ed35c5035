"""Quarantine: mails held back for a person to review; released by an operator, the app, or the participant's link."""

from datetime import datetime, timedelta
from struct import Struct

from mailtalk import signed
from mailtalk.errors import Conflict, ErrorCode, NotFound
from mailtalk.keys import Keyring
from mailtalk.models import InboundMail
from mailtalk.vocabulary import Outcome

LINK = timedelta(days=7)
NOT_ME = "not-me"  # reason of a mail that the participant says is not theirs
REPLAYABLE = (Outcome.FAILED, Outcome.REFUSED, Outcome.QUARANTINED, Outcome.IGNORED)
_CONTENT = Struct(">QQ")  # the mail's id, and the link's expiry in Unix seconds


def link(keyring: Keyring, base_url: str, mail_id: int, now: datetime) -> str:
    """URL by which the participant releases this mail and no other; valid for 7 days."""
    content = _CONTENT.pack(mail_id, int((now + LINK).timestamp()))
    return f"{base_url}/inbound/release/{signed.token(keyring, signed.RELEASE, content)}"


def read_link(keyring: Keyring, token: str, now: datetime) -> int:
    """Mail id of a release link's token; NotFound if it is wrong or expired."""
    content = signed.read(keyring, signed.RELEASE, token)
    if content is None or len(content) != _CONTENT.size:
        raise _expired()
    mail_id, expires = _CONTENT.unpack(content)
    if signed.has_expired(expires, now):
        raise _expired()
    return int(mail_id)


def release(row: InboundMail, now: datetime) -> None:
    """Release a mail: it is processed again without the sender check. Idempotent.

    Conflict if it is not in quarantine.
    """
    if row.released_at is not None and row.outcome in {Outcome.RECEIVED, Outcome.POSTED}:
        return
    _check_quarantined(row)
    row.released_at = now
    _again(row)


def reject(row: InboundMail) -> None:
    """Refuse a mail that is not the participant's; an operator can still replay it. Conflict if not in quarantine."""
    _check_quarantined(row)
    row.outcome, row.reason = Outcome.REFUSED, NOT_ME


def replay(row: InboundMail) -> None:
    """Process a mail again from its raw bytes, with every check; a mail that is still queued stays queued.

    Conflict if it has already had its effect, which would happen twice.
    """
    if row.outcome == Outcome.RECEIVED:
        return
    if row.outcome not in REPLAYABLE:
        raise Conflict([f"it is {row.outcome}: it had its effect"], ErrorCode.NOT_REPLAYABLE)
    _again(row)
    row.evidence = None


def _check_quarantined(row: InboundMail) -> None:
    if row.outcome != Outcome.QUARANTINED:
        raise Conflict([f"it is {row.outcome}, not quarantined"], ErrorCode.NOT_QUARANTINED)


def _again(row: InboundMail) -> None:
    if row.raw_id is None:
        raise Conflict(["its raw bytes were purged; see MAILTALK_RAW_MAIL_DAYS"], ErrorCode.RAW_MAIL_PURGED)
    row.outcome, row.reason, row.processed_at = Outcome.RECEIVED, None, None
    row.attempts, row.not_before = 0, None


def _expired() -> NotFound:
    return NotFound(["this link has expired or is not valid"])
