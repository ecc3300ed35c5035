"""Uses of stored files: uploaded files and those of mails live as long as a message has them; several may share one.

`files.message_id` names one of these messages; an upload that no message has used yet has none.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from mailtalk.errors import Invalid
from mailtalk.ids import ConversationKey
from mailtalk.models import Message

UNUSED = timedelta(days=1)  # how long an upload may wait for its first message
PURGED = 20  # in one transaction: files are large
_IDS = "app_id = :app AND id = ANY(CAST(:ids AS uuid[]))"
_TAKE = text(f"SELECT id, name, content_type, size, thumbnail FROM files WHERE {_IDS} ORDER BY id FOR NO KEY UPDATE")  # noqa: S608  ours
_HOLD = text(f"SELECT 1 FROM files WHERE {_IDS} ORDER BY id FOR UPDATE")  # noqa: S608  ours
_ATTACH = text("""
    UPDATE files f SET conversation_id = :conversation, message_id = used.message
    FROM unnest(CAST(:ids AS uuid[]), CAST(:messages AS text[])) AS used (id, message)
    WHERE f.app_id = :app AND f.id = used.id AND f.message_id IS NULL""")
_OF_CONVERSATION = text("""
    SELECT DISTINCT m.attachment ->> 'fileId' FROM messages m
    WHERE m.app_id = :app AND m.conversation_id = :conversation AND m.attachment ->> 'fileId' IS NOT NULL""")
# To another message that has the file; deleted if there is none.
_RELEASE = text("""
    WITH heir AS (
        SELECT DISTINCT ON (f.id) f.id, m.conversation_id, m.id AS message_id
        FROM files f JOIN messages m ON m.app_id = f.app_id AND m.attachment ->> 'fileId' = replace(f.id::text, '-', '')
        WHERE f.app_id = :app AND f.id = ANY(CAST(:ids AS uuid[])) AND m.attachment ->> 'fileId' IS NOT NULL
        ORDER BY f.id, m.created_at, m.id),
    given AS (
        UPDATE files f SET conversation_id = heir.conversation_id, message_id = heir.message_id
        FROM heir WHERE f.app_id = :app AND f.id = heir.id)
    DELETE FROM files f WHERE f.app_id = :app AND f.id = ANY(CAST(:ids AS uuid[]))
        AND NOT EXISTS (SELECT 1 FROM heir WHERE heir.id = f.id)""")
_PURGE = text("""
    DELETE FROM files WHERE (app_id, id) IN (
        SELECT app_id, id FROM files WHERE message_id IS NULL AND created_at < :before
        ORDER BY created_at LIMIT :most FOR UPDATE SKIP LOCKED) RETURNING 1""")
Json = dict[str, Any]


class FileToken(NamedTuple):
    """Token of a stored file in a request, and the field that it was given in."""

    field: str
    token: str


def references(session: Session, app_id: str, tokens: Mapping[int, FileToken]) -> dict[int, Json]:
    """Values of the messages' column `attachment` for tokens, which are locked. Invalid names each unknown one."""
    if not tokens:
        return {}
    ids = {i: _id(given.token) for i, given in tokens.items()}
    rows = session.execute(_TAKE, {"app": app_id, "ids": [file_id for file_id in ids.values() if file_id]})
    found = {
        row.id: {"fileId": row.id.hex, "name": row.name, "type": row.content_type, "size": row.size}
        | ({"thumbnail": row.thumbnail} if row.thumbnail else {})
        for row in rows
    }
    wrong = {
        f"{i}.{tokens[i].field}": ["is not the token of a file of this app, or the file was not used within a day"]
        for i, file_id in ids.items()
        if file_id not in found
    }
    if wrong:
        raise Invalid(wrong)
    return {i: found[file_id] for i, file_id in ids.items() if file_id}


def attach(session: Session, conversation: ConversationKey, messages: Iterable[Message]) -> None:
    """Give unused files to the new messages that have them."""
    attachments = [(message.attachment or {}, message.id) for message in messages]
    using = [(attachment["fileId"], message_id) for attachment, message_id in attachments if "fileId" in attachment]
    if using:
        ids, message_ids = zip(*using, strict=True)
        values = {"app": conversation.app_id, "conversation": conversation.id}
        session.execute(_ATTACH, values | {"ids": list(ids), "messages": list(message_ids)})


def of_conversation(session: Session, key: ConversationKey) -> Sequence[str]:
    """Ids of the files that a conversation's messages have."""
    return session.scalars(_OF_CONVERSATION, {"app": key.app_id, "conversation": key.id}).all()


def release(session: Session, app_id: str, ids: Collection[str]) -> None:
    """Delete those of the files that no message has any more; call it after the messages are deleted."""
    if ids:
        session.execute(_HOLD, {"app": app_id, "ids": list(ids)})  # the next statement sees what others have committed
        session.execute(_RELEASE, {"app": app_id, "ids": list(ids)})


def purge(session: Session, now: datetime) -> int:
    """Delete a batch of uploads that no message used within a day; returns the number, 0 if none is left."""
    return len(session.execute(_PURGE, {"before": now - UNUSED, "most": PURGED}).all())


def _id(token: str) -> UUID | None:
    try:
        return UUID(hex=token) if len(token) == 32 else None  # noqa: PLR2004  hexadecimal digits of a UUID
    except ValueError:
        return None
