"""PROXY protocol, versions 1 and 2: a proxy in front of the bridge names the client of a connection."""

import asyncio
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TypeAlias

from aiosmtpd.proxy_protocol import V2_CMD, ProxyData, get_proxy

from smtp_bridge.limits import Address

Networks: TypeAlias = Sequence[IPv4Network | IPv6Network]

PATIENCE = 5.0  # seconds for the proxy's header


class NotProxied(Exception):
    """The PROXY header is missing, late or malformed."""


def networks(text: str | None) -> Networks:
    """Parse networks separated by commas."""
    return [ip_network(part.strip()) for part in text.split(",")] if text else []


def is_proxy(peer: Address, proxies: Networks) -> bool:
    """True if the peer must send the PROXY header; from any other it is not accepted."""
    return any(peer in network for network in proxies)


async def client(reader: asyncio.StreamReader) -> Address | None:
    """Read the client's address from the header; None for the proxy's own or an unknown client. Raises NotProxied."""
    try:
        header = await asyncio.wait_for(get_proxy(reader), PATIENCE)
    except (TimeoutError, asyncio.IncompleteReadError):
        raise NotProxied from None
    if not header.valid:
        raise NotProxied
    return _source(header)


def _source(header: ProxyData) -> Address | None:
    source = header.src_addr
    if header.command == V2_CMD.LOCAL or source is None or isinstance(source, str | bytes):
        return None
    return getattr(source, "ipv4_mapped", None) or source
