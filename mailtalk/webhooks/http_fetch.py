"""One GET of a URL from others, by the rules of webhooks: checked addresses, a deadline, no redirect, bounded bytes."""

import asyncio

from httptools import HttpParserError, HttpParserUpgrade

from mailtalk.webhooks.http_client import DEADLINE, connect
from mailtalk.webhooks.http_protocol import HttpResponse
from mailtalk.webhooks.ssrf import CheckedTarget, ForbiddenUrl, SsrfGuard

OK = 200


async def fetch(guard: SsrfGuard, url: str, most: int) -> HttpResponse | None:
    """Response with status 200 and less than `most` bytes; None for any other, and for trouble of any kind."""
    try:
        async with asyncio.timeout(DEADLINE):
            targets = await asyncio.get_running_loop().run_in_executor(None, guard.targets, url)
            response = await _get(targets[0], most)
    except (ForbiddenUrl, TimeoutError, OSError, HttpParserError, HttpParserUpgrade, ValueError):
        return None
    return response if response.status == OK and len(response.body) < most else None


async def _get(target: CheckedTarget, most: int) -> HttpResponse:
    protocol = await connect(target, most)
    head = f"GET {target.path} HTTP/1.1\r\nHost: {target.authority}\r\nUser-Agent: Mailtalk\r\nAccept: image/*\r\n"
    try:
        return await protocol.exchange(f"{head}Connection: close\r\n\r\n".encode("ascii"))
    finally:
        protocol.close()
