"""Previews: what a user would be mailed of a conversation's last messages; nothing is made or issued."""

from datetime import datetime

from sqlalchemy.orm import Session

from mailtalk.conversations import apps, conversations, users
from mailtalk.errors import NotFound
from mailtalk.files import Links
from mailtalk.ids import ParticipantKey
from mailtalk.mail.composing.content import NotificationContent
from mailtalk.models import Notification, Participation
from mailtalk.notifications.batch import Due, Shared
from mailtalk.notifications.content import Bodies
from mailtalk.vocabulary import Access, MessageType

MESSAGES = 20  # the newest of a conversation


def content(session: Session, files: Links, now: datetime, key: ParticipantKey) -> NotificationContent:
    """What the user would be told; NotFound when nobody but them wrote anything lately."""
    conversation = conversations.get(session, key.conversation)
    row = conversations.participant(session, key)
    due = Due(
        Notification(from_seq=max(1, conversation.last_seq - MESSAGES + 1), created_at=now),
        Participation(id=row.id, mailed_seq=0, read_seq=0),  # as if nothing had been told or read
        users.get(session, key.app_id, key.user_id),
        conversation,
        apps.found(session, key.app_id),
    )
    shared = Shared(session, [due], now)
    wanted = [each for each in shared.fresh(due) if each.type == MessageType.USER and each.sender_id != key.user_id]
    if not wanted:
        raise NotFound({"conversationId": [f"no message of anybody but {key.user_id!r} lately"]})
    return Bodies(shared, files, now).content(due, wanted, may_reply=row.access == Access.READ_WRITE)
