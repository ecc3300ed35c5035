"""A user's conversations, for the settings page: the newest ones with their subjects, and all participations."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mailtalk.models import Conversation, Participation


class OwnConversations(NamedTuple):
    """The newest conversations of a user, as (participation, subject), and the number of all."""

    newest: Sequence[tuple[Participation, str | None]] = ()
    total: int = 0


def newest(session: Session, app_id: str, user_id: str, limit: int) -> OwnConversations:
    """The conversations in which a user takes part, those with the newest messages first."""
    last = func.coalesce(Conversation.last_message_at, Conversation.created_at)
    mine = (Participation.app_id == app_id, Participation.user_id == user_id, Participation.takes_part)
    same = (Conversation.app_id == Participation.app_id) & (Conversation.id == Participation.conversation_id)
    query = select(Participation, Conversation.subject).join(Conversation, same).where(*mine)
    rows = session.execute(query.order_by(last.desc(), Conversation.id).limit(limit))
    return OwnConversations([(row, subject) for row, subject in rows], count(session, app_id, user_id))


def count(session: Session, app_id: str, user_id: str) -> int:
    """Number of the conversations in which a user takes part."""
    query = select(func.count()).select_from(Participation).where(Participation.takes_part)
    return session.scalar(query.filter_by(app_id=app_id, user_id=user_id)) or 0


def every(session: Session, app_id: str, user_id: str) -> Sequence[Participation]:
    """All participations of a user."""
    query = select(Participation).where(Participation.takes_part).filter_by(app_id=app_id, user_id=user_id)
    return session.scalars(query.order_by(Participation.conversation_id)).all()
