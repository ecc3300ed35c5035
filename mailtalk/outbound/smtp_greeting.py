"""Start of an SMTP session: greeting, EHLO, STARTTLS and AUTH (RFC 5321, 3207, 4954)."""

import socket
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import SplitResult

from mailtalk import tls
from mailtalk.outbound import smtp_auth
from mailtalk.outbound.smtp_auth import Login
from mailtalk.outbound.smtp_protocol import SessionRefused, SmtpProtocol, WireReply

READY = 220
LOCAL = "localhost"


Extensions = dict[str, str]  # lower-case name → parameters


async def greet(protocol: SmtpProtocol, url: SplitResult, seconds: float) -> Extensions:
    """Begin the session and return the relay's extensions; `seconds` per reply. ConnectionError on failure.

    A relay that receives our password must have a valid certificate; otherwise opportunistic TLS is better than none.
    """
    _demand("greeting", await protocol.reply(seconds), READY)
    extensions = await _hello(protocol, seconds)
    login, encrypted = Login.of(url), url.scheme == "smtps"
    if not encrypted and "starttls" in extensions:
        protocol.write(b"STARTTLS\r\n")
        _demand("STARTTLS", await protocol.reply(seconds), READY)
        await protocol.start_tls(tls.verified() if login else tls.opportunistic(), url.hostname or "", seconds)
        encrypted, extensions = True, await _hello(protocol, seconds)
    if login is not None:
        if not encrypted and not _is_here(url.hostname or ""):
            raise ConnectionError("the relay offers no TLS, so our password is not sent")
        await smtp_auth.log_in(protocol, login, extensions.get("auth", ""), seconds)
    return extensions


@lru_cache(maxsize=1)
def local_name() -> str:
    """Host name for EHLO, or the address in brackets; may query the DNS."""
    name = socket.getfqdn()
    if "." in name:
        return name
    try:
        return f"[{socket.gethostbyname(socket.gethostname())}]"
    except OSError:
        return "[127.0.0.1]"


async def _hello(protocol: SmtpProtocol, seconds: float) -> Extensions:
    protocol.write(f"EHLO {local_name()}\r\n".encode())
    reply = await protocol.reply(seconds)
    if _is_good(reply):
        return _extensions(reply.text)
    protocol.write(f"HELO {local_name()}\r\n".encode())
    reply = await protocol.reply(seconds)
    if not _is_good(reply):
        raise SessionRefused("HELO", reply)
    return {}


def _extensions(text: str) -> Extensions:
    """Names and parameters in EHLO's lines after the first; `AUTH=LOGIN` is an old form of `AUTH LOGIN`."""
    lines = (line.replace("AUTH=", "AUTH ", 1).split(None, 1) for line in text.split("\n")[1:])
    extensions: Extensions = {}
    for name, *parameters in filter(None, lines):
        extensions[name.lower()] = " ".join((extensions.get(name.lower(), ""), *parameters)).strip()
    return extensions


def _demand(step: str, reply: WireReply, code: int) -> None:
    if reply.code != code:
        raise SessionRefused(step, reply)


def _is_good(reply: WireReply) -> bool:
    return 200 <= reply.code < 300  # noqa: PLR2004


def _is_here(host: str) -> bool:
    if host == LOCAL:
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
