"""What a relay's answers mean for a mail, by verb and code (RFC 5321, 3463): the whole retry table."""

import re
from enum import Enum
from typing import NamedTuple

GOOD = {"MAIL": {250}, "RCPT": {250, 251, 252}, "DATA": {354}, ".": set(range(200, 300))}
_RELAY_IS_WRONG = {421, 530, 535}
_DEAD = {"5.1.1", "5.1.2", "5.1.10", "5.2.1"}
_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}(?!\S)")
_RELAY_DENIED = re.compile(r"relay(?:ing)?(?: access)? (?:is )?(?:denied|not (?:permitted|allowed))", re.IGNORECASE)


class Fate(Enum):
    """What an answer leads to.

    LATER: this mail is tried again. REFUSED: never. PAUSE: the relay itself is in trouble, or we are with it, and no
    mail is to suffer. STALE: it gave up the kept connection; a new one may do at once. NONSENSE: it is no answer.
    """

    GOOD = "good"
    LATER = "later"
    REFUSED = "refused"
    PAUSE = "pause"
    STALE = "stale"
    NONSENSE = "nonsense"


class Answer(NamedTuple):
    """What the relay said to a verb: MAIL, RCPT, DATA, or "." for the mail itself."""

    verb: str
    code: int
    text: str

    def __str__(self) -> str:
        return f"{self.code} {self.text}"


def fate(answer: Answer, *, used: bool) -> Fate:
    """Judge an answer; `used`: mails went over this connection before."""
    code = answer.code
    if code in GOOD[answer.verb]:
        return Fate.GOOD
    if used and answer.verb != "." and (code == 421 or answer.text.startswith("4.4.2")):  # noqa: PLR2004
        return Fate.STALE
    if _is_about_the_relay(answer):
        return Fate.PAUSE
    if 400 <= code < 500 or code == 552:  # noqa: PLR2004  RFC 5321 4.5.3.1.10 on 552
        return Fate.LATER
    return Fate.REFUSED if 500 <= code < 600 else Fate.NONSENSE  # noqa: PLR2004


def enhanced(said: str) -> str | None:
    """The enhanced status code in what a relay said: 5.1.1."""
    found = _ENHANCED.search(said)
    return found[0] if found else None


def is_refusal(said: str) -> bool:
    """Whether it is a 5xx answer, and not our own reason."""
    return re.match(r"5\d\d ", said) is not None


def is_dead(said: str) -> bool:
    """Whether a 5xx answer says that there is no such mailbox."""
    return is_refusal(said) and enhanced(said) in _DEAD


def _is_about_the_relay(answer: Answer) -> bool:
    """A refused envelope sender is ours and the same for all: the recipients are not to be burnt for it."""
    permanent = 500 <= answer.code < 600  # noqa: PLR2004
    return (
        answer.code in _RELAY_IS_WRONG
        or (answer.verb == "MAIL" and permanent and answer.code != 552)  # noqa: PLR2004
        or answer.text.startswith("5.7.515")
        or (permanent and _RELAY_DENIED.search(answer.text) is not None)
    )
