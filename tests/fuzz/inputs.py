"""Inputs that resemble mails, bodies and SMTP commands, and break their rules."""

from hypothesis import strategies as st

_PIECES = [
    *(b"From: ", b"To: ", b"Subject: ", b"Content-Type: ", b"Content-Transfer-Encoding: ", b"Auto-Submitted: "),
    *(
        b"multipart/mixed; boundary=x",
        b"multipart/report; report-type=delivery-status",
        b"message/rfc822",
        b"text/html",
    ),
    *(
        b'text/plain; charset="',
        b"utf-8",
        b"utf-7",
        b"iso-2022-jp",
        b"=?utf-8?b?",
        b"=?utf-8?q?=0D=0A",
        b"?=",
        b"base64",
    ),
    *(
        b"\r\n",
        b"\n",
        b"\r\n\r\n",
        b"\r\n--x\r\n",
        b"\r\n--x--\r\n",
        b"\x00",
        b"\xff",
        b'"',
        b"<",
        b">",
        b"@",
        b";",
        b" ",
    ),
    *(b"filename*0*=utf-8''", b"<html><blockquote>", b"-- \r\n", b"> ", b"BEGIN:VCALENDAR\r\n", b"a" * 1_000),
]
_VERBS = [
    *(
        "EHLO x",
        "HELO",
        "LHLO x",
        "MAIL FROM:<a@x>",
        "MAIL FROM:<>",
        "RCPT TO:<postmaster>",
        "RCPT TO:<",
        "DATA",
        "RSET",
    ),
    *(
        "NOOP",
        "VRFY x",
        "EXPN",
        "HELP",
        "AUTH PLAIN =",
        "STARTTLS",
        "BDAT 1 LAST",
        "XCLIENT",
        "MAIL FROM:<a@x> SIZE=-1",
    ),
    *("MAIL FROM:<ü@x> SMTPUTF8 BODY=8BITMIME", 'RCPT TO:<"a b"@x>', "RCPT TO:<a@[::1]> X=Y", ".", "", " ", "\x00"),
]
_LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
_KEYS = st.sampled_from(["text", "sender", "type", "name", "email", "custom", "access", "notify", "actions", "id"])


def _json(content: object) -> bytes:
    import json  # noqa: PLC0415  shadows no target's name

    return json.dumps(content).encode()


mails = st.lists(st.sampled_from(_PIECES) | st.binary(max_size=30), max_size=60).map(b"".join)
bodies = st.binary(max_size=200) | st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS | st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
).map(_json)
commands = st.lists(st.sampled_from(_VERBS) | st.text(max_size=60), min_size=1, max_size=20)
INPUTS = {"mime": mails, "json": bodies}
