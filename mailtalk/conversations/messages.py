"""Messages: posted in order under the conversation's lock; each post opens the window for notifications."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.orm import Session

from mailtalk import file_uses, ids, mentions
from mailtalk.conversations import conversations, cursors, read_state
from mailtalk.conversations.cursors import Place
from mailtalk.conversations.drafts import Draft, check_drafts, with_files
from mailtalk.conversations.users import merged
from mailtalk.db import origins
from mailtalk.errors import ErrorCode, Invalid, NotFound
from mailtalk.events import payloads
from mailtalk.events import record as events
from mailtalk.events.record import Happened
from mailtalk.ids import ConversationKey
from mailtalk.models import Conversation, Message
from mailtalk.notifications import windows
from mailtalk.notifications.windows import Pace
from mailtalk.vocabulary import EventType, MessageType


def post(
    session: Session, now: datetime, pace: Pace, conversation: Conversation, drafts: Sequence[Draft]
) -> list[Message]:
    """Append messages to a locked conversation and open its window; a known idempotency key is not posted again.

    Invalid, naming each, for senders who may not write and for references to missing messages or files.
    """
    known = by_key(session, conversation, drafts)
    drafts = with_files(session, conversation, drafts, known)
    fresh = {i: draft for i, draft in enumerate(drafts) if draft.idempotency_key not in known}
    check_drafts(session, conversation, fresh)
    now = max(now, conversation.last_message_at or now)  # another machine's clock may be behind
    before = conversation.last_seq
    posted = [append(session, now, conversation, draft, known) for draft in drafts]
    added = [message for message in posted if message.seq > before]
    file_uses.attach(session, conversation.key, added)
    if origin := origins.current.get():
        origins.keep(session, now, [((message.app_id, message.id), origin) for message in added])
    written = [message for message in added if message.type == MessageType.USER]
    if written:
        windows.announce(session, conversation, now, pace, written)
    _tell(session, conversation, added, EventType.MESSAGE_SENT, now)
    return posted


def append(
    session: Session, at: datetime, conversation: Conversation, draft: Draft, known: dict[str, Message]
) -> Message:
    """Append the draft to the locked conversation; returns the new message, or the known one with its key."""
    if draft.idempotency_key in known:
        return known[draft.idempotency_key]
    conversation.last_seq += 1
    conversation.last_message_at = max(at, conversation.last_message_at or at)
    message = from_draft(at, conversation, draft)
    if draft.idempotency_key is not None:
        known[draft.idempotency_key] = message
    session.add(message)
    return message


def from_draft(at: datetime, conversation: Conversation, draft: Draft) -> Message:
    """New message from a draft, with the conversation's newest seq."""
    return Message(
        app_id=conversation.app_id,
        conversation_id=conversation.id,
        seq=conversation.last_seq,
        id=ids.new_message_id(),
        type=draft.type,
        sender_id=draft.sender_id,
        text=draft.text,
        content=draft.content,
        mentions=mentions.of_mail(draft.text, draft.names),
        origin=draft.origin,
        custom=draft.custom,
        elided=draft.elided,
        referenced_message_id=draft.referenced_message_id,
        idempotency_key=draft.idempotency_key,
        attachment=draft.attachment,
        location=draft.location,
        mail_id=draft.mail_id,
        read_by=[],
        created_at=at,
    )


def by_key(session: Session, conversation: Conversation, drafts: Sequence[Draft]) -> dict[str, Message]:
    """Messages of the locked conversation with these drafts' idempotency keys, by key."""
    keys = {draft.idempotency_key for draft in drafts if draft.idempotency_key is not None}
    if not keys:
        return {}
    query = _of(conversation.key).where(Message.idempotency_key.in_(keys))
    return {message.idempotency_key or "": message for message in session.scalars(query)}


def page(
    session: Session,
    key: ConversationKey,
    limit: int,
    starting_after: str | None = None,
    *,
    until: int | None = None,
) -> list[Message]:
    """Messages, newest first, before the message `starting_after`, and not after the seq `until`.

    Imported messages are sorted by their original time. `starting_after` may be deleted since; Invalid for an unknown
    id.
    """
    query = _of(key)
    if starting_after is not None:
        query = query.where(tuple_(Message.created_at, Message.seq) < _cursor(session, key, starting_after))
    if until is not None:
        query = query.where(Message.seq <= until)
    return list(session.scalars(query.order_by(Message.created_at.desc(), Message.seq.desc()).limit(limit)))


def get(session: Session, key: ConversationKey, message_id: str) -> Message:
    """Message by id; NotFound if the conversation has none."""
    return _found(session.scalar(_of(key).where(Message.id == message_id)), message_id)


def edit(session: Session, now: datetime, key: ConversationKey, message_id: str, fields: Mapping[str, Any]) -> None:
    """Change `text` with its `content`, merge `custom` or clear it with None; nobody is notified, and mentions stay.

    Invalid for a blank text, unless the message has a file or a location.
    """
    conversation = conversations.get(session, key)
    query = _of(key).where(Message.id == message_id).with_for_update(key_share=True)
    message = _found(session.scalar(query), message_id)
    message.text = fields.get("text", message.text)
    if "text" in fields and not (message.text.strip() or message.attachment or message.location):
        raise Invalid({"text": ["must not be empty, unless there is an attachment or a location"]})
    message.content = fields.get("content", None if "text" in fields else message.content)
    custom = fields.get("custom", {})
    message.custom = {} if custom is None else merged("custom", message.custom, custom)
    if fields:
        message.edited_at = now
        _tell(session, conversation, [message], EventType.MESSAGE_UPDATED, now)


def delete(session: Session, key: ConversationKey, message_id: str) -> None:
    """Delete a message, and its file unless another message has it too; mails made from now on no longer contain it."""
    conversation = conversations.lock(session, key)
    message = get(session, key, message_id)
    _tell(session, conversation, [message], EventType.MESSAGE_DELETED)
    cursors.keep_deleted(session, key.app_id, message_id, {_list(key): Place(message.created_at, message.seq)})
    session.delete(message)
    session.flush()
    if message.attachment and "fileId" in message.attachment:
        file_uses.release(session, key.app_id, [message.attachment["fileId"]])
    newest = select(func.max(Message.created_at)).filter_by(app_id=key.app_id, conversation_id=key.id)
    conversation.last_message_at = session.scalar(newest)


def _tell(
    session: Session,
    conversation: Conversation,
    changed: Sequence[Message],
    kind: EventType,
    now: datetime | None = None,
) -> None:
    if not changed or not events.wanted(session, conversation.app_id, kind):
        return
    read_by = {} if kind is EventType.MESSAGE_SENT else read_state.of(session, changed)  # new messages have no readers
    told = payloads.messages(session, conversation, changed, read_by)
    place = (conversation.app_id, kind)
    events.record_many(session, [Happened(*place, data, conversation.id) for data in told], now)


def _of(key: ConversationKey) -> Select[Message]:
    return select(Message).filter_by(app_id=key.app_id, conversation_id=key.id)


def _found(message: Message | None, message_id: str) -> Message:
    if message is None:
        raise NotFound({"messageId": [f"no message {message_id!r}"]}, ErrorCode.MESSAGE_NOT_FOUND)
    return message


def _cursor(session: Session, key: ConversationKey, message_id: str) -> Any:
    query = _of(key).where(Message.id == message_id).with_only_columns(Message.created_at, Message.seq)
    position = session.execute(query).one_or_none() or cursors.place(session, key.app_id, _list(key), message_id)
    if position is None:
        raise Invalid({"startingAfter": [f"no message {message_id!r} in this conversation"]})
    return tuple_(*position)


def _list(key: ConversationKey) -> str:
    return f"messages/{key.id}"
