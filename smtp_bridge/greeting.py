"""Beginning of an SMTP connection: the PROXY header, limits of the client's host, and the 220 greeting."""

import asyncio

from mailtalk.hosts import Address, address, host, is_in
from smtp_bridge import proxy
from smtp_bridge.connection import LINE_LIMIT, BridgeConnection
from smtp_bridge.session_context import SessionStage


class GreetedConnection(BridgeConnection):
    """Connection that greets its client, after the PROXY header of a trusted proxy."""

    def _welcome(self, farewell: str | None) -> None:
        if farewell:
            self._end(farewell)
        elif not self.session.peer:
            self.abort()
        elif self.may_be_proxied and is_in(address(self.session.peer[0]), self._context.proxies):
            self._header = asyncio.StreamReader(limit=LINE_LIMIT)
            self._header.set_transport(self.transport)
            self._task = self.loop.create_task(self._read_header(self._header))
        else:
            self._greet(address(self.session.peer[0]))

    async def _read_header(self, header: asyncio.StreamReader) -> None:
        try:
            client = await proxy.client(header)
        except proxy.NotProxied:
            self._close()
            return
        self._header = None
        header.feed_eof()
        self._buffer += await header.read()  # bytes after the header
        if self._stage is SessionStage.GREETING:
            self._greet(client)

    def _greet(self, client: Address | None) -> None:
        self.client = str(client) if client else None
        self.host = host(client) if client and not client.is_loopback else None
        if refusal := self._limits.enter_host(self, client):
            self._end(refusal)
            return
        self._stage = SessionStage.COMMAND
        self._reply(f"220 {self.hostname} {self.protocol_name} Mailtalk")
        self._proceed()
