"""Body of a request in chunks, up to a size."""

from collections.abc import AsyncGenerator

from starlette.requests import Request

from mailtalk.errors import TooLarge


async def bounded(request: Request, most: int, too_large: TooLarge) -> AsyncGenerator[bytes, None]:
    """Chunks of the body; raises `too_large` beyond `most` bytes, and ClientDisconnect if it ends too early."""
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most:
            raise too_large
        yield chunk
