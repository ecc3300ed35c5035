"""Failures since a time: mails that came in and failed by our fault, and events that an endpoint did not take."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailtalk.models import InboundMail, WebhookDelivery
from mailtalk.vocabulary import Outcome, Stage


def inbound(session: Session, app_id: str | None, since: datetime, limit: int) -> Sequence[InboundMail]:
    """Inbound mails of one app or of all (None) that failed, newest first."""
    query = select(InboundMail).where(InboundMail.outcome == Outcome.FAILED, InboundMail.processed_at > since)
    if app_id is not None:
        query = query.where(InboundMail.app_id == app_id)
    return session.scalars(query.order_by(InboundMail.processed_at.desc()).limit(limit)).all()


def webhooks(session: Session, app_id: str | None, since: datetime, limit: int) -> Sequence[WebhookDelivery]:
    """Webhook deliveries of one app or of all (None) that were given up, newest first."""
    query = select(WebhookDelivery).where(WebhookDelivery.stage == Stage.FAILED, WebhookDelivery.ended_at > since)
    if app_id is not None:
        query = query.where(WebhookDelivery.app_id == app_id)
    return session.scalars(query.order_by(WebhookDelivery.ended_at.desc()).limit(limit)).all()
