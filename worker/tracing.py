"""The traces of this process, if they are on: what the worker and the API call, without OpenTelemetry installed."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from sqlalchemy.orm import Session
from starlette.types import ASGIApp

from mailtalk.changes.log import Ended
from mailtalk.db.database import Database
from mailtalk.outbound.deliveries import ClaimedDelivery
from mailtalk.outbound.mail_origins import MailOrigin
from mailtalk.outbound.smtp_replies import SendResult


class Tracing(Protocol):
    """Traces of a process."""

    def requests(self, app: ASGIApp) -> ASGIApp:
        """Wrap an application, so that each request is a span and the origin of what it asks for."""
        ...

    def changes(self, database: Database, ended: Sequence[Ended], began: datetime) -> None:
        """Record changes whose batch began then. Call it after the commit."""
        ...

    def mail_origins(self, session: Session, claimed: Sequence[ClaimedDelivery]) -> Mapping[UUID, MailOrigin]:
        """Origins of claimed deliveries, by id."""
        ...

    def sent(self, delivery: ClaimedDelivery, origin: MailOrigin, began: datetime, result: SendResult) -> None:
        """Record an attempt to send a mail, which began then."""
        ...


active: Tracing | None = None  # set at the start of the process
