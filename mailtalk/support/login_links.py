"""Login links: each logs an operator in to the console once, within a day."""

import secrets
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from mailtalk.models import LoginLink

VALID = timedelta(days=1)


def make(session: Session, now: datetime) -> str:
    """Store a new link and return its token; links that have expired are deleted."""
    session.execute(delete(LoginLink).where(LoginLink.until < now))
    token = secrets.token_urlsafe(32)
    session.add(LoginLink(token_hash=_hash(token), until=now + VALID))
    return token


def use(session: Session, now: datetime, token: str) -> bool:
    """Use a link up; False if it is unknown, expired or used already."""
    link = update(LoginLink).where(LoginLink.token_hash == _hash(token), LoginLink.used_at.is_(None))
    used = session.execute(link.where(LoginLink.until > now).values(used_at=now).returning(LoginLink.token_hash))
    return used.first() is not None


def _hash(token: str) -> bytes:
    return sha256(token.encode()).digest()
