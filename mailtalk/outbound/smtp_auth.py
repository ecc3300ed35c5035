"""SMTP AUTH: the mechanisms that relays offer, and our responses to their challenges (RFC 4954, 2195, 4616)."""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import SplitResult, unquote

from mailtalk.outbound.smtp_protocol import SessionRefused, SmtpProtocol, WireReply

CONTINUE, SUCCEEDED, ALREADY = 334, 235, 503


class Login(NamedTuple):
    """User and password for the relay."""

    user: str
    password: str

    @classmethod
    def of(cls, url: SplitResult) -> "Login | None":
        """Read the relay's URL; None if it has no user."""
        return cls(unquote(url.username), unquote(url.password or "")) if url.username else None


async def log_in(protocol: SmtpProtocol, login: Login, offered: str, seconds: float) -> None:
    """Try the mechanisms that the relay offers, best first; ConnectionError if none succeeds."""
    names = set(offered.upper().split())
    refused = ConnectionError("the relay offers no AUTH mechanism that we support")
    for name in filter(names.__contains__, _MECHANISMS):
        reply = await _try(protocol, login, name, seconds)
        if reply.code in {SUCCEEDED, ALREADY}:
            return
        refused = SessionRefused(f"AUTH {name}", reply)
    raise refused


async def _try(protocol: SmtpProtocol, login: Login, name: str, seconds: float) -> WireReply:
    initial, answers = _MECHANISMS[name]
    first = " " + b64encode(initial(login, "")).decode() if initial else ""
    protocol.write(f"AUTH {name}{first}\r\n".encode())
    reply = await protocol.reply(seconds)
    for answer in answers:
        if reply.code != CONTINUE:
            break
        protocol.write(b64encode(answer(login, reply.text)) + b"\r\n")
        reply = await protocol.reply(seconds)
    return reply


def _user(login: Login, _challenge: str) -> bytes:
    return login.user.encode()


def _password(login: Login, _challenge: str) -> bytes:
    return login.password.encode()


def _plain(login: Login, _challenge: str) -> bytes:
    return f"\0{login.user}\0{login.password}".encode()


def _cram_md5(login: Login, challenge: str) -> bytes:
    try:
        digest = hmac.new(login.password.encode(), b64decode(challenge), "md5").hexdigest()
    except ValueError:
        raise ConnectionError("the challenge of AUTH CRAM-MD5 is not base64") from None
    return f"{login.user} {digest}".encode()


_Answer = Callable[[Login, str], bytes]
# Best first: the initial response, if any, and the response to each challenge.
_MECHANISMS: dict[str, tuple[_Answer | None, tuple[_Answer, ...]]] = {
    "CRAM-MD5": (None, (_cram_md5,)),
    "PLAIN": (_plain, ()),
    "LOGIN": (_user, (_password,)),
}
