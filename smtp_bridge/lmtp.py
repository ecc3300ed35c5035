"""LMTP (RFC 2033): the bridge behind an MTA."""

from collections.abc import Mapping
from typing import ClassVar

from smtp_bridge.commands import Verb
from smtp_bridge.protocol import SmtpSession


class LmtpSession(SmtpSession):
    """A session with an MTA of the operator's own, whose address tells nothing about where a mail is from."""

    setting = "LMTP_PORT"
    protocol_name = "LMTP"
    may_be_proxied = False
    origin = (None, None)

    def _answers(self, reply: str) -> list[str]:
        """One answer for each recipient that was agreed to, in their order."""
        return [reply] * len(self.envelope.rcpt_tos)

    verbs: ClassVar[Mapping[str, Verb]] = {
        "LHLO": SmtpSession.verbs["EHLO"],
        **{name: verb for name, verb in SmtpSession.verbs.items() if name not in {"EHLO", "HELO"}},
    }
