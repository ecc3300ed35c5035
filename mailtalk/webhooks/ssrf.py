"""SSRF guard: the URLs allowed for webhooks, checked on the very addresses to which we then connect."""

import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolve = Callable[[str, int], Sequence[str]]
LONGEST = 2_000  # characters of a URL
PORTS = (443, 8443)
EVERYTHING = (ip_network("0.0.0.0/0"), ip_network("::/0"))
# Not public, although some Python versions' ipaddress calls them global.
DENIED: tuple[Network, ...] = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",
        "100.64.0.0/10",
        "192.0.0.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "198.18.0.0/15",
        "224.0.0.0/3",  # multicast, reserved, broadcast
        "::/96",  # v4-compatible
        "::ffff:0:0/96",  # v4-mapped: names have A records for these
        "::ffff:0:0:0/96",  # v4-translated (RFC 2765)
        "64:ff9b::/96",  # NAT64
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",  # Teredo and others
        "2002::/16",  # 6to4
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    )
)
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?")
_NUMBER = re.compile(r"(?:0[xX][0-9a-fA-F]*|\d+)")
_VISIBLE = re.compile(r"[!-~]+")


class ForbiddenUrl(Exception):
    """URL not allowed for a webhook; the text says why and contains no address."""


@dataclass(frozen=True, slots=True)
class CheckedTarget:
    """A checked address to connect to, with the host name of its URL."""

    address: str
    host: str
    port: int
    path: str
    is_tls: bool

    @property
    def authority(self) -> str:
        """The Host header."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == (443 if self.is_tls else 80) else f"{name}:{self.port}"


def system(host: str, port: int) -> Sequence[str]:
    """Addresses by the system's resolver, each once."""
    infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in infos))


class SsrfGuard:
    """Allows public addresses by https, and private ones as far as MAILTALK_WEBHOOK_ALLOW_PRIVATE does."""

    def __init__(self, allow_private: str = "false", resolve: Resolve = system) -> None:
        self._private = _networks(allow_private)
        self._resolve = resolve

    def check(self, url: str) -> None:
        """Check the URL alone, without DNS; ForbiddenUrl says what is wrong."""
        parts, port = _parts(url), _port(url)
        host = _host(parts)
        literal = _literal(host)
        if literal is not None:
            self._allow(literal, parts, port)
        elif not self._private:
            _require_public_form(parts, port)

    def targets(self, url: str) -> list[CheckedTarget]:
        """All addresses of the URL's host, resolved once; ForbiddenUrl if any of them is not allowed."""
        parts, port = _parts(url), _port(url)
        host = _host(parts)
        literal = _literal(host)
        try:
            addresses = self._resolve(host, port) if literal is None else [str(literal)]
        except (OSError, UnicodeError):
            addresses = []
        if not addresses:
            raise ForbiddenUrl("the host name does not resolve")
        for address in addresses:
            self._allow(_address(address), parts, port)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return [CheckedTarget(address, host, port, path, parts.scheme == "https") for address in addresses]

    def _allow(self, address: Address, parts: SplitResult, port: int) -> None:
        if any(address in network for network in self._private):
            return
        if not is_public(address):
            raise ForbiddenUrl("the host has an address that is not public")
        _require_public_form(parts, port)


def is_public(address: Address) -> bool:
    """True for an address of the public Internet."""
    return address.is_global and not any(address in network for network in DENIED)


def _networks(setting: str) -> tuple[Network, ...]:
    if setting in {"true", "false"}:
        return EVERYTHING if setting == "true" else ()
    return tuple(ip_network(network.strip()) for network in setting.split(","))


def _parts(url: str) -> SplitResult:
    if len(url) > LONGEST or not _VISIBLE.fullmatch(url) or "\\" in url:
        raise ForbiddenUrl(f"must be at most {LONGEST} visible ASCII characters; write a name as xn--…")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ForbiddenUrl("not a valid URL") from None
    if parts.scheme not in {"http", "https"}:
        raise ForbiddenUrl("must begin with https://")
    if "@" in parts.netloc or parts.fragment:
        raise ForbiddenUrl("must not have a user, password or fragment")
    return parts


def _port(url: str) -> int:
    parts = urlsplit(url)
    try:
        return parts.port if parts.port is not None else (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise ForbiddenUrl("port must be 1 to 65535") from None


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    if parts.netloc.startswith("["):
        return str(_address(host))
    if not _HOST.fullmatch(host):
        raise ForbiddenUrl("not a valid host name")
    return host


def _address(text: str) -> Address:
    try:
        address = ip_address(text)
    except ValueError:
        raise ForbiddenUrl("not a valid host name") from None
    if getattr(address, "scope_id", None):
        raise ForbiddenUrl("must not have an address with a zone")
    return address


def _literal(host: str) -> Address | None:
    """Address literal in any form that resolvers read (127.1, 0x7f000001, 017700000001); None for a name."""
    if ":" in host:
        return _address(host)
    if not all(_NUMBER.fullmatch(label) for label in host.rstrip(".").split(".")):
        return None
    try:
        return IPv4Address(socket.inet_aton(host.rstrip(".")))
    except OSError:
        raise ForbiddenUrl("not a valid host name") from None


def _require_public_form(parts: SplitResult, port: int) -> None:
    if parts.scheme != "https":
        raise ForbiddenUrl("must begin with https://")
    if port not in PORTS:
        raise ForbiddenUrl(f"port must be {' or '.join(map(str, PORTS))}")
