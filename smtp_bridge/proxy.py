"""PROXY protocol, versions 1 and 2: a proxy in front of the bridge names the client of a connection."""

import asyncio

from aiosmtpd.proxy_protocol import V2_CMD, ProxyData, get_proxy

from mailtalk.hosts import Address

PATIENCE = 5.0  # seconds for the proxy's header


class NotProxied(Exception):
    """The PROXY header is missing, late or malformed."""


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
