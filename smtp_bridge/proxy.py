"""The PROXY protocol, v1 and v2: a proxy before us tells whose connection it passes on."""

import asyncio
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TypeAlias

from aiosmtpd.proxy_protocol import V2_CMD, ProxyData, get_proxy

from smtp_bridge.limits import Address

Networks: TypeAlias = Sequence[IPv4Network | IPv6Network]

PATIENCE = 5.0  # seconds for the proxy's header


class NotProxied(Exception):
    """What should be a proxy's header is none."""


def networks(text: str | None) -> Networks:
    """Networks separated by commas."""
    return [ip_network(each.strip()) for each in text.split(",")] if text else []


def is_proxy(peer: Address, proxies: Networks) -> bool:
    """Whether this peer must say whom it speaks for; nobody else is believed."""
    return any(peer in network for network in proxies)


async def client(reader: asyncio.StreamReader) -> Address | None:
    """Whose connection it is; None when the proxy speaks for itself or does not know. Raises NotProxied."""
    try:
        header = await asyncio.wait_for(get_proxy(reader), PATIENCE)
    except (TimeoutError, asyncio.IncompleteReadError):
        raise NotProxied from None
    if not header.valid:
        raise NotProxied
    return _source(header)


def _source(header: ProxyData) -> Address | None:
    told = header.src_addr
    if header.command == V2_CMD.LOCAL or told is None or isinstance(told, str | bytes):
        return None
    return getattr(told, "ipv4_mapped", None) or told
