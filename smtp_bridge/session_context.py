"""Context of SMTP sessions: objects that all connections of a process share, and the stages of a session."""

from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property
from typing import Any

from mailtalk.hosts import Networks
from mailtalk.settings.load import Settings
from smtp_bridge.limits import SessionLimits
from smtp_bridge.quotas import MailQuotas
from smtp_bridge.tls import Certificate


class SessionStage(Enum):
    """Stage of a session: what the client sends next, or waits for."""

    GREETING = auto()  # sends the PROXY header, if any; then it is greeted
    COMMAND = auto()
    WAITING = auto()  # waits for the reply to a command
    RECEIVING = auto()  # sends a mail's data
    STORING = auto()  # waits for a mail's commit
    ENDED = auto()


@dataclass(frozen=True)
class SessionContext:
    """Objects shared by all connections of a process."""

    settings: Settings
    handler: Any
    limits: SessionLimits
    quotas: MailQuotas
    certificate: Certificate | None
    proxies: Networks

    @cached_property
    def hooks(self) -> dict[str, Any]:
        """Methods handle_VERB of the handler, by name."""
        return {"MAIL": self.handler.handle_MAIL, "RCPT": self.handler.handle_RCPT}
