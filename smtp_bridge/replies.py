"""Table of all SMTP and LMTP replies, with enhanced status codes (RFC 3463). Our failures are 4xx: clients retry."""

import re

OK = "250 2.0.0 OK"
OK_SENDER = "250 2.1.0 OK"
OK_RECIPIENT = "250 2.1.5 OK"
OK_QUEUED = "250 2.0.0 OK: queued"
BYE = "221 2.0.0 Bye"
GO_AHEAD = "354 End data with <CR><LF>.<CR><LF>"
HELP = "214 2.0.0 See RFC 5321"
CANNOT_VERIFY = "252 2.5.0 Cannot verify user, but will accept message and attempt delivery"

SHUTTING_DOWN = "421 4.3.2 Service shutting down, try again later"
TOO_MANY_CONNECTIONS = "421 4.3.2 Too many connections, try again later"
TOO_MANY_FROM_HOST = "421 4.7.0 Too many connections from your address, try again later"
TOO_MANY_COMMANDS = "421 4.7.0 Too many commands, closing connection"
TOO_MANY_ERRORS = "421 4.7.0 Too many errors, closing connection"
TOO_MUCH_FROM_HOST = "450 4.7.0 Too much mail from your address, try again later"
TOO_MANY_REPORTS = "450 4.3.2 Too much mail for this recipient, try again later"
TIMEOUT = "421 4.4.2 Timeout exceeded, closing connection"
TOO_SLOW = "421 4.4.2 Data transfer too slow, closing connection"
TEMPORARY_FAILURE = "451 4.3.0 Temporary server failure, try again later"
NO_STORAGE = "452 4.3.1 Insufficient system storage, try again later"
TOO_MANY_RECIPIENTS = "452 4.5.3 Too many recipients"  # RFC 5321 4.5.3.1.10

UNKNOWN_COMMAND = "500 5.5.2 Command not recognized"
LINE_TOO_LONG = "500 5.5.2 Line too long"
NO_HOST_NAME = "501 5.5.4 Syntax: a host name is required"
NO_DATA_PARAMETER = "501 5.5.4 Syntax: DATA takes no parameters"
NO_RSET_PARAMETER = "501 5.5.4 Syntax: RSET takes no parameters"
NO_EXPANSION = "502 5.5.1 EXPN not implemented"
NO_GREETING = "503 5.5.1 Send EHLO, HELO or LHLO first"
NO_RECIPIENT = "503 5.5.1 No valid recipients"
TLS_ACTIVE = "503 5.5.1 TLS already active"
TLS_REQUIRED = "530 5.7.0 Must issue a STARTTLS command first"
NO_MAILBOX = "550 5.1.1 No such mailbox here"  # the same for unknown, left, read-only, revoked and never issued
TOO_LARGE = "552 5.3.4 Message too large"

# Replies of aiosmtpd that lack an enhanced code, or have another wording in this table.
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
    """Add the enhanced code to a reply that lacks one."""
    reply = _REWORDED.get(reply, reply)
    plain = _PLAIN.match(reply)
    code = plain and _ENHANCED.get(plain[1])
    return f"{reply[:4]}{code} {reply[4:]}" if code else reply


def is_refusal(reply: str) -> bool:
    """True for a 5xx reply: the client made an error."""
    return reply.startswith("5")


def is_agreed(reply: str) -> bool:
    """True for a 2xx or 3xx reply."""
    return reply[:1] in {"2", "3"}
