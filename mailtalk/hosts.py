"""Client hosts, as limits count them: an IPv4 address or an IPv6 /64 network; and networks given in settings."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Networks: TypeAlias = Sequence[IPv4Network | IPv6Network]


def host(address: Address) -> str:
    """Key of a host: its IPv4 address, or its /64 network of IPv6."""
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((address, 64), strict=False))


def address(text: str) -> Address:
    """Parse a peer's address; an IPv4-mapped one is IPv4."""
    parsed = ip_address(text.partition("%")[0])
    return getattr(parsed, "ipv4_mapped", None) or parsed


def key(peer: str | None) -> str:
    """Key of a client's host, given by its address as text, or as a proxy wrote it."""
    try:
        return host(address(peer or ""))
    except ValueError:
        return (peer or "")[:100]


def networks(text: str | None) -> Networks:
    """Parse networks separated by commas."""
    return [ip_network(part.strip()) for part in text.split(",")] if text else []


def is_in(peer: Address, among: Networks) -> bool:
    """True if an address is in one of these networks."""
    return any(peer in network for network in among)
