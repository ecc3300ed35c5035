"""Preview of the mail that a user would get about a conversation's last messages; nothing is stored or sent."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from mailtalk.conversations import conversations, users
from mailtalk.errors import NotFound
from mailtalk.files import Links
from mailtalk.ids import ParticipantKey
from mailtalk.mail.composing.content import NotificationContent
from mailtalk.notifications.batch import Batch, Heading
from mailtalk.notifications.content import Contents
from mailtalk.notifications.due import DueNotification, Recipient
from mailtalk.participation import addresses
from mailtalk.vocabulary import MessageType, Purpose

MESSAGES = 20  # the newest ones


def content(session: Session, files: Links, now: datetime, key: ParticipantKey) -> NotificationContent:
    """Content of the mail; NotFound if nobody else wrote one of the last messages."""
    conversation = conversations.get(session, key.conversation)
    row = conversations.participant(session, key)
    reader = Recipient.of(row, users.get(session, key.app_id, key.user_id))
    reader = replace(reader, mailed_seq=0, read_seq=0)  # as if nothing had been mailed or read
    due = DueNotification(0, max(1, conversation.last_seq - MESSAGES + 1), reader)
    batch = Batch(session, [due], now)
    messages = [message for message in batch.fresh(due) if _is_of_others(message, key.user_id)]
    if not messages:
        raise NotFound({"conversationId": [f"no recent message by anyone but {key.user_id!r}"]})
    batch.load([(reader, messages)])
    return Contents(batch, files, now).content(reader, messages, may_reply=addresses.serves(reader, Purpose.REPLY))


def _is_of_others(message: Heading, user_id: str) -> bool:
    return message.type == MessageType.USER and message.sender_id != user_id
