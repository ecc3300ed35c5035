"""Every reply we give, with its enhanced code (RFC 3463). Trouble of ours is 4xx, so that the sender tries again."""

import re

OK = "250 2.0.0 OK"
OK_SENDER = "250 2.1.0 OK"
OK_RECIPIENT = "250 2.1.5 OK"
OK_KEPT = "250 2.0.0 OK: kept"
BYE = "221 2.0.0 Bye"
GO_AHEAD = "354 End data with <CR><LF>.<CR><LF>"
CANNOT_VERIFY = "252 2.5.0 Cannot verify, but will take mail and see"

GOING_DOWN = "421 4.3.2 Going down, please come again"
TOO_MANY_SESSIONS = "421 4.3.2 Too many sessions, please try again later"
TOO_MANY_OF_YOURS = "421 4.7.0 Too many sessions from your address"
TOO_MANY_COMMANDS = "421 4.7.0 Too many commands"
TOO_MANY_ERRORS = "421 4.7.0 Too many errors"
TOO_LATE = "421 4.4.2 The session takes too long"
TOO_SLOW = "421 4.4.2 The data comes too slowly"
TROUBLE = "451 4.3.0 Temporary trouble here, please try again later"
NO_ROOM = "452 4.3.1 Too much mail at once, please try again later"
TOO_MANY_RECIPIENTS = "452 4.5.3 Too many recipients"  # RFC 5321 4.5.3.1.10

UNKNOWN = "500 5.5.2 Command not recognized"
LINE_TOO_LONG = "500 5.5.2 Line too long"
NO_HOST_NAME = "501 5.5.4 Say your name"
NO_PARAMETER = "501 5.5.4 No parameter is known here"
NO_GREETING = "503 5.5.1 Say LHLO, EHLO or HELO first"
NO_RECIPIENT = "503 5.5.1 No recipient yet"
SECURE_ALREADY = "503 5.5.1 TLS has been started already"
NOT_SECURE = "530 5.7.0 Must issue a STARTTLS command first"
NO_MAILBOX = "550 5.1.1 No such mailbox here"  # the same for unknown, left, read-only, revoked and never issued
TOO_LARGE = "552 5.3.4 Message too large"

# What the library below us says without an enhanced code, or in words of its own.
_REWORDED = {"552 Error: message size exceeds fixed maximum message size": TOO_LARGE, "250 OK": OK}
_ENHANCED = {
    "220": "2.0.0",
    "221": "2.0.0",
    "250": "2.0.0",
    "454": "4.7.0",
    "500": "5.5.2",
    "501": "5.5.4",
    "502": "5.5.1",
    "503": "5.5.1",
    "555": "5.5.4",
}
_PLAIN = re.compile(r"(\d{3}) (?!\d\.\d)")


def complete(reply: str) -> str:
    """A reply with its enhanced code, whoever worded it."""
    reply = _REWORDED.get(reply, reply)
    plain = _PLAIN.match(reply)
    code = plain and _ENHANCED.get(plain[1])
    return f"{reply[:4]}{code} {reply[4:]}" if code else reply


def is_refusal(reply: str) -> bool:
    """Whether the client is at fault."""
    return reply.startswith("5")


def is_agreed(reply: str) -> bool:
    """Whether the client may go on."""
    return reply[:1] in {"2", "3"}
