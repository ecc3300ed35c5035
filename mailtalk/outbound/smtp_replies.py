"""SMTP relay replies as values, with the meaning of each for the mail and the schedule of retries: the retry table.

A reply is stored in the delivery's row unchanged (RFC 5321 for codes, RFC 3463 for enhanced codes).
"""

import re
from datetime import timedelta
from enum import Enum, auto
from typing import NamedTuple

from mailtalk.vocabulary import Stage

BACK_OFF = tuple(timedelta(minutes=m) for m in (1, 5, 15, 60, 120, 240))  # by attempt, before the next one; ± 20 %
RELAY_AWAY = timedelta(seconds=5)  # before the next attempt, if the relay was at fault
KEY_AWAY = timedelta(minutes=5)  # the same, if the key of the mail's seal is not held
GOOD = {"MAIL": {250}, "RCPT": {250, 251, 252}, "DATA": {354}, ".": set(range(200, 300))}
CLOSING = 421
_RELAY_IS_WRONG = {CLOSING, 530, 535}
_TOO_LARGE = 552  # temporary at RCPT: too many recipients (RFC 5321 4.5.3.1.10)
_DEAD = {"5.1.1", "5.1.2", "5.1.10", "5.2.1"}
_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}(?!\S)")
_RELAY_DENIED = re.compile(r"relay(?:ing)?(?: access)? (?:is )?(?:denied|not (?:permitted|allowed))", re.IGNORECASE)


class Meaning(Enum):
    """Consequence of a reply.

    LATER: retry this mail. REFUSED: never retry it. PAUSE: the relay is in trouble or rejects us; do not use it for now
    and blame no mail. STALE: the relay closed a kept connection; retry on a new one at once. NONSENSE: no SMTP reply.
    """

    ACCEPTED = auto()
    LATER = auto()
    REFUSED = auto()
    PAUSE = auto()
    STALE = auto()
    NONSENSE = auto()


STAGES = {
    Meaning.ACCEPTED: Stage.SENT,
    Meaning.LATER: Stage.DEFERRED,
    Meaning.REFUSED: Stage.FAILED,
    Meaning.NONSENSE: Stage.DEFERRED,
}


class SmtpReply(NamedTuple):
    """Reply to a verb: MAIL, RCPT, DATA, or "." for the mail itself; code -1 if there was none."""

    verb: str
    code: int
    text: str

    def __str__(self) -> str:
        return f"{self.code} {self.text}"

    @property
    def is_permanent(self) -> bool:
        """True for 5xx."""
        return 500 <= self.code < 600  # noqa: PLR2004

    @property
    def status(self) -> str | None:
        """Enhanced status code, such as 5.1.1."""
        match = _ENHANCED.search(self.text)
        return match[0] if match else None

    @property
    def is_dead_address(self) -> bool:
        """True if the mailbox or its domain does not exist."""
        return self.is_permanent and self.status in _DEAD


class SendResult(NamedTuple):
    """Result of an attempt: the delivery's next stage, the reply that caused it, and our own note, if any.

    `elsewhere`: nothing was sent, and another relay may accept the mail. `is_ours`: the fault is ours alone; the mail
    is not given up. `relay`: name of the last one that was asked; None: none was.
    """

    stage: Stage
    reply: SmtpReply | None = None
    note: str = ""
    elsewhere: bool = False
    is_ours: bool = False
    relay: str | None = None

    @property
    def text(self) -> str:
        """Reason as stored in the row."""
        return ": ".join(filter(None, (self.note, str(self.reply) if self.reply else "")))

    @property
    def summary(self) -> str:
        """Reply in brief, without its text, which may name the recipient; else our own note."""
        reply = self.reply
        return " ".join(filter(None, (reply.verb, str(reply.code), reply.status))) if reply else self.note

    @property
    def refusal(self) -> SmtpReply | None:
        """The relay's refusal of this mail; None if it did not fail, or failed for a reason of ours."""
        return self.reply if self.stage is Stage.FAILED and self.reply and self.reply.is_permanent else None


def meaning(reply: SmtpReply, *, used: bool) -> Meaning:
    """Look up a reply; `used`: the connection has carried mails before."""
    code = reply.code
    if code in GOOD[reply.verb]:
        return Meaning.ACCEPTED
    if used and reply.verb != "." and (code == CLOSING or reply.text.startswith("4.4.2")):
        return Meaning.STALE
    if _is_about_the_relay(reply):
        return Meaning.PAUSE
    if 400 <= code < 500 or code == _TOO_LARGE:  # noqa: PLR2004
        return Meaning.LATER
    return Meaning.REFUSED if reply.is_permanent else Meaning.NONSENSE


def _is_about_the_relay(reply: SmtpReply) -> bool:
    """True if every mail would get this reply; a refused envelope sender is ours, and not the recipient's fault."""
    return (
        reply.code in _RELAY_IS_WRONG
        or (reply.verb == "MAIL" and reply.is_permanent and reply.code != _TOO_LARGE)
        or reply.text.startswith("5.7.515")
        or (reply.is_permanent and _RELAY_DENIED.search(reply.text) is not None)
    )
