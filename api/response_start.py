"""The start of a response, as ASGI middleware sees it on its way out."""

from collections.abc import Callable

from starlette.types import Message, Send


def noticed(send: Send, act: Callable[[Message], None]) -> Send:
    """`send` that first calls `act` with the message that starts the response: its status and headers."""

    async def send_on(message: Message) -> None:
        if message["type"] == "http.response.start":
            act(message)
        await send(message)

    return send_on
