"""LMTP (RFC 2033): the bridge behind an MTA."""

from collections.abc import Mapping
from typing import ClassVar

from smtp_bridge.commands import Verb
from smtp_bridge.protocol import SmtpSession


class LmtpSession(SmtpSession):
    """Session with an MTA of the operator's; its address says nothing about a mail's origin."""

    setting = "LMTP_PORT"
    protocol_name = "LMTP"
    may_be_proxied = False
    origin = (None, None)

    def _answers(self, reply: str) -> list[str]:
        """Repeat the reply for each accepted recipient, in their order (RFC 2033 4.2)."""
        return [reply] * len(self.envelope.rcpt_tos)

    verbs: ClassVar[Mapping[str, Verb]] = {
        "LHLO": SmtpSession.verbs["EHLO"],
        **{name: verb for name, verb in SmtpSession.verbs.items() if name not in {"EHLO", "HELO"}},
    }
