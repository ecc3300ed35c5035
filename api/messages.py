"""Messages: send, get, list, edit, delete, import; and read state."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import UNSET, Meta, UnsetType
from sqlalchemy.orm import Session

from api import drafts
from api.paths import CONVERSATION, MESSAGE, MESSAGES
from api.request import Call
from api.routing import route
from api.schemas.messages import (
    ImportedMessage,
    ImportedMessages,
    MessageUpdate,
    NewMessages,
    PostedMessage,
    ReadStateUpdate,
)
from api.schemas.types import Id, Page, PageQuery, moment
from mailtalk import clock
from mailtalk.conversations import conversations, history, messages, read_state, visibility
from mailtalk.conversations.history import Old
from mailtalk.errors import ErrorCode, Invalid
from mailtalk.events import content, payloads, serializers
from mailtalk.events.schemas import Attachment, Message
from mailtalk.files import Links
from mailtalk.ids import ParticipantKey
from mailtalk.models import Message as MessageRow
from mailtalk.vocabulary import Origin

TAG = "Messages"
AHEAD = 60_000  # milliseconds that the sender's clock may be ahead of ours
SECONDS = range(100_000_000, 10_000_000_000)  # 1973 to 2286 as seconds, but early 1970 as milliseconds
NO_CONVERSATION = [ErrorCode.CONVERSATION_NOT_FOUND]
NO_MESSAGE = [*NO_CONVERSATION, ErrorCode.MESSAGE_NOT_FOUND]
NO_READER = [*NO_CONVERSATION, ErrorCode.USER_NOT_FOUND, ErrorCode.PARTICIPANT_NOT_FOUND]


class MessageQuery(PageQuery, rename="camel", kw_only=True):
    """Query of a conversation's messages."""

    as_user: Annotated[Id, Meta(description="Only what this user may see. Ours, not TalkJS's.")] | UnsetType = UNSET


@route("POST", MESSAGES, TAG, missing=NO_CONVERSATION, counts="messages")
def post_messages(session: Session, call: Call, body: NewMessages) -> list[PostedMessage]:
    """Send 1 to 10 messages.

    Always an array; either all are sent or none. A `UserMessage` needs a `sender` who is a participant, also with
    access `Read`; a `SystemMessage` has none and never notifies. Each has a text, an attachment or a location. Mention
    a user by `<!!mention:USER_ID|NAME>`.
    """
    drafted = [drafts.draft(i, message, Origin.REST) for i, message in enumerate(body)]
    conversation = conversations.lock(session, call.conversation_key)
    posted = messages.post(session, clock.now(), call.services.pace, conversation, drafted)
    return [PostedMessage(message.id) for message in posted]


@route("GET", MESSAGES, TAG, missing=[*NO_CONVERSATION, ErrorCode.PARTICIPANT_NOT_FOUND])
def list_messages(session: Session, call: Call, query: MessageQuery) -> Page[Message]:
    """List messages, newest first."""
    key, reader = call.conversation_key, query.as_user
    conversations.get(session, key)
    until = None if reader is UNSET else visibility.horizon(session, ParticipantKey(key, reader))
    rows = messages.page(session, key, query.limit, query.after, until=until)
    return Page(shown(session, call.services.links, rows))


@route("GET", MESSAGE, TAG, missing=NO_MESSAGE)
def get_message(session: Session, call: Call) -> Message:
    """Get a message."""
    conversations.get(session, call.conversation_key)
    row = messages.get(session, call.conversation_key, call.id("messageId"))
    return shown(session, call.services.links, [row])[0]


@route("PUT", MESSAGE, TAG, missing=NO_MESSAGE)
def edit_message(session: Session, call: Call, body: MessageUpdate) -> None:
    """Edit a message.

    `custom` merges key by key. Nobody is notified, and mails that are already made do not change.
    """
    text = drafts.edited_text(body)
    fields = text if body.custom is UNSET else text | {"custom": body.custom}
    messages.edit(session, clock.now(), call.conversation_key, call.id("messageId"), fields)


@route("DELETE", MESSAGE, TAG, missing=NO_MESSAGE)
def delete_message(session: Session, call: Call) -> None:
    """Delete a message.

    Mails that are already made do not change.
    """
    messages.delete(session, call.conversation_key, call.id("messageId"))


@route("POST", CONVERSATION + "/readBy/{userId}", TAG, missing=NO_READER)
def mark_all_read(session: Session, call: Call) -> None:
    """Mark a conversation read by a user.

    Everything up to now is read. There is no body.
    """
    read_state.read_all(session, call.participant_key)


@route("PATCH", "/users/{userId}" + CONVERSATION, TAG, missing=NO_READER)
def mark_read_until(session: Session, call: Call, body: ReadStateUpdate) -> None:
    """Mark a conversation read up to a moment, or unread.

    Messages created up to `readUntil` are read, later ones are not. `unread: true` marks the last message of someone
    else as unread again; it is not mailed again.
    """
    if body.unread:
        read_state.mark_unread(session, call.participant_key)
    elif isinstance(body.read_until, int):
        read_state.read_until(session, call.participant_key, moment("readUntil", body.read_until))
    else:
        read_state.check(session, call.participant_key)


@route("POST", "/import" + MESSAGES, TAG, missing=NO_CONVERSATION, counts="messages")
def import_messages(session: Session, call: Call, body: ImportedMessages) -> list[PostedMessage]:
    """Import 1 to 100 messages from another system.

    With their original times (`createdAt` or `timestamp`, not in the future). Nobody is notified. Senders and
    readers must be users, not participants.
    """
    items = [_old(i, message) for i, message in enumerate(body)]
    conversation = conversations.lock(session, call.conversation_key)
    return [PostedMessage(message.id) for message in history.add(session, conversation, items)]


def shown(session: Session, links: Links, rows: Sequence[MessageRow]) -> list[Message]:
    """Convert message rows, of one conversation or many, to the wire's messages."""
    read_by, now = read_state.of(session, rows), clock.now()
    counted = payloads.reactions(session, rows)
    shown = [serializers.message(row, read_by[row.id]) for row in rows]
    for row, message in zip(rows, shown, strict=True):
        file = links.shown(row.app_id, row.attachment, now)
        if file and row.attachment:
            message.attachment = Attachment(**file)
            message.content.append(content.file_block(file, row.attachment))
        message.reactions = counted.get(row.id, [])
    return shown


def _old(i: int, message: ImportedMessage) -> Old:
    is_new = isinstance(message.created_at, int)
    name, millis = f"{i}.{'createdAt' if is_new else 'timestamp'}", message.created_at if is_new else message.timestamp
    if not isinstance(millis, int):
        raise Invalid({f"{i}.createdAt": ["is required, in milliseconds since 1970"]})
    if millis in SECONDS:
        raise Invalid({name: ["is a time in seconds; milliseconds since 1970 are needed"]})
    if millis > clock.millis(clock.now()) + AHEAD:
        raise Invalid({name: ["lies in the future"]})
    return Old(drafts.draft(i, message, Origin.IMPORT), moment(name, millis), list(message.read_by or ()))
