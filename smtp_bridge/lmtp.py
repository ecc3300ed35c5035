"""LMTP (RFC 2033): the bridge behind an MTA."""

from smtp_bridge import replies
from smtp_bridge.protocol import Bridge


class Lmtp(Bridge):
    """A session with an MTA of the operator's own, whose address tells nothing about where a mail is from."""

    setting = "LMTP_PORT"
    protocol_name = "LMTP"
    may_be_proxied = False
    origin = (None, None)

    async def smtp_LHLO(self, hostname: str | None) -> None:  # noqa: N802
        """LMTP's greeting."""
        await super().smtp_EHLO(hostname)

    async def smtp_EHLO(self, _hostname: str | None) -> None:  # noqa: N802
        """Not LMTP's."""
        await self.push(replies.UNKNOWN_COMMAND)

    async def smtp_HELO(self, _hostname: str | None) -> None:  # noqa: N802
        """Not LMTP's."""
        await self.push(replies.UNKNOWN_COMMAND)

    def _answers(self, reply: str) -> list[str]:
        """One answer for each recipient that was agreed to, in their order."""
        return [reply] * len(self.envelope.rcpt_tos)
