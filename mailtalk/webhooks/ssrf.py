"""The guard: where a webhook may lead, decided on the very addresses to which we then connect."""

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
# What is not public although ipaddress may call it global, differently from version to version.
DENIED: tuple[Network, ...] = tuple(
    ip_network(each)
    for each in (
        "0.0.0.0/8",
        "100.64.0.0/10",
        "192.0.0.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "198.18.0.0/15",
        "224.0.0.0/3",  # multicast, reserved, broadcast
        "::/96",  # v4-compatible
        "::ffff:0:0/96",  # v4-mapped: names have A records for these
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


class Forbidden(Exception):
    """A webhook may not lead there; the text says why, and names no address of ours."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where one try connects to: an address that was checked, under its name."""

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
    """Every address that the system's resolver gives, each once."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Guard:
    """Lets webhooks lead to public addresses by https, and to private ones as far as the setting allows."""

    def __init__(self, allow_private: str = "false", resolve: Resolve = system) -> None:
        self._private = _networks(allow_private)
        self._resolve = resolve

    def check(self, url: str) -> None:
        """Refuse early what can be seen in the URL alone; Forbidden says what is wrong."""
        parts, port = _parts(url), _port(url)
        host = _host(parts)
        literal = _literal(host)
        if literal is not None:
            self._allow(literal, parts, port)
        elif not self._private:
            _require_public_form(parts, port)

    def targets(self, url: str) -> list[Target]:
        """Where to connect: all addresses of the name, resolved once; Forbidden when one of them may not be."""
        parts, port = _parts(url), _port(url)
        host = _host(parts)
        literal = _literal(host)
        try:
            found = self._resolve(host, port) if literal is None else [str(literal)]
        except (OSError, UnicodeError):
            found = []
        if not found:
            raise Forbidden("its name has no address")
        for each in found:
            self._allow(_address(each), parts, port)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return [Target(each, host, port, path, parts.scheme == "https") for each in found]

    def _allow(self, address: Address, parts: SplitResult, port: int) -> None:
        if any(address in network for network in self._private):
            return
        if not is_public(address):
            raise Forbidden("leads to an address that is not public")
        _require_public_form(parts, port)


def is_public(address: Address) -> bool:
    """Whether the address is one of the open Internet."""
    return address.is_global and not any(address in network for network in DENIED)


def _networks(setting: str) -> tuple[Network, ...]:
    if setting in {"true", "false"}:
        return EVERYTHING if setting == "true" else ()
    return tuple(ip_network(each.strip()) for each in setting.split(","))


def _parts(url: str) -> SplitResult:
    if len(url) > LONGEST or not _VISIBLE.fullmatch(url) or "\\" in url:
        raise Forbidden(f"must be a URL of at most {LONGEST} visible ASCII characters; write a name as its xn-- form")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise Forbidden("is no URL") from None
    if parts.scheme not in {"http", "https"}:
        raise Forbidden("must begin with https://")
    if "@" in parts.netloc or parts.fragment:
        raise Forbidden("must have no user, password or fragment")
    return parts


def _port(url: str) -> int:
    parts = urlsplit(url)
    try:
        return parts.port if parts.port is not None else (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise Forbidden("has no port of 1 to 65535") from None


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    if parts.netloc.startswith("["):
        return str(_address(host))
    if not _HOST.fullmatch(host):
        raise Forbidden("has no host name")
    return host


def _address(text: str) -> Address:
    try:
        address = ip_address(text)
    except ValueError:
        raise Forbidden("has no host name") from None
    if getattr(address, "scope_id", None):
        raise Forbidden("has an address with a zone")
    return address


def _literal(host: str) -> Address | None:
    """The address that a host is already, in any form that resolvers read: 127.1, 0x7f000001, 017700000001."""
    if ":" in host:
        return _address(host)
    if not all(_NUMBER.fullmatch(each) for each in host.rstrip(".").split(".")):
        return None
    try:
        return IPv4Address(socket.inet_aton(host.rstrip(".")))
    except OSError:
        raise Forbidden("has no host name") from None


def _require_public_form(parts: SplitResult, port: int) -> None:
    if parts.scheme != "https":
        raise Forbidden("must begin with https://")
    if port not in PORTS:
        raise Forbidden(f"must have the port {' or '.join(map(str, PORTS))}")
