"""Body of a request, up to a size: in chunks, whole, or of a form."""

from collections.abc import AsyncGenerator

from starlette.requests import ClientDisconnect, Request

from mailtalk.errors import Invalid, TooLarge


async def bounded(request: Request, most: int, too_large: TooLarge) -> AsyncGenerator[bytes, None]:
    """Chunks of the body; raises `too_large` beyond `most` bytes, and Invalid if it ends too early."""
    size = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > most:
                raise too_large
            yield chunk
    except ClientDisconnect:
        raise Invalid({"body": ["ended too early"]}) from None  # not read by anyone, and not logged


async def whole(request: Request, most: int, too_large: TooLarge) -> bytes:
    """All of the body; raises as `bounded` does."""
    return b"".join([chunk async for chunk in bounded(request, most, too_large)])


async def form(request: Request, most: int) -> bytes | None:
    """Body of a form; None if it is larger than `most` bytes, or ends too early."""
    try:
        return await whole(request, most, TooLarge({"body": [f"is larger than {most} bytes"]}))
    except (Invalid, TooLarge):
        return None
