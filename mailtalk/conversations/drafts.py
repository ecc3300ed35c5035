"""Drafts: messages to be posted, and what must be there for them: senders, messages referred to, files."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailtalk import file_uses
from mailtalk.errors import Invalid
from mailtalk.file_uses import FileToken
from mailtalk.models import Conversation, Message, Participation
from mailtalk.participation.rules import State
from mailtalk.participation.state import state as as_state
from mailtalk.vocabulary import MessageType, Origin

TEXT_LIMIT = 100_000  # characters


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to be posted."""

    type: MessageType
    text: str
    origin: Origin
    sender_id: str | None = None
    custom: dict[str, Any] = field(default_factory=dict)
    elided: str | None = None
    names: dict[str, str] = field(default_factory=dict)  # by user id, of participants whom a plain @Name may mention
    referenced_message_id: str | None = None
    idempotency_key: str | None = None
    attachment: dict[str, Any] | None = None
    file: FileToken | None = None  # of a stored file, instead of an attachment
    location: list[float] | None = None
    content: list[dict[str, Any]] | None = None  # the text's blocks, if the text was given as blocks
    mail_id: str | None = None  # Message-ID of the mail it came from


def with_files(
    session: Session, conversation: Conversation, drafts: Sequence[Draft], known: Container[str | None]
) -> list[Draft]:
    """Drafts with the files of their tokens, but for those with a known key. Invalid names each wrong token."""
    fresh = ((i, draft) for i, draft in enumerate(drafts) if draft.idempotency_key not in known)
    found = file_uses.references(session, conversation.app_id, {i: draft.file for i, draft in fresh if draft.file})
    return [replace(draft, attachment=found[i]) if i in found else draft for i, draft in enumerate(drafts)]


def check_drafts(session: Session, conversation: Conversation, drafts: Mapping[int, Draft]) -> None:
    """Raise Invalid, naming each, for senders who may not write and for references to missing messages."""
    states = _states(session, conversation, {draft.sender_id for draft in drafts.values()})
    there = _there(session, conversation, {draft.referenced_message_id for draft in drafts.values()})
    wrong = {}
    for i, draft in drafts.items():
        if draft.sender_id is not None and not _may_send(states.get(draft.sender_id), draft.origin):
            wrong[f"{i}.sender"] = [f"{draft.sender_id!r} is not a participant who may write"]
        if draft.referenced_message_id is not None and draft.referenced_message_id not in there:
            wrong[f"{i}.referencedMessageId"] = [f"no message {draft.referenced_message_id!r} in this conversation"]
    if wrong:
        raise Invalid(wrong)


def _may_send(state: State | None, origin: Origin) -> bool:
    """True if the author may send the message: access limits mail only, and a backend may post for any participant."""
    if state is None:
        return False
    return state.may_post if origin is Origin.EMAIL else state.takes_part


def _states(session: Session, conversation: Conversation, user_ids: set[str | None]) -> dict[str, State]:
    if user_ids == {None}:
        return {}
    query = select(Participation).where(
        Participation.app_id == conversation.app_id,
        Participation.conversation_id == conversation.id,
        Participation.user_id.in_(user_ids - {None}),
    )
    return {row.user_id: as_state(row) for row in session.scalars(query)}


def _there(session: Session, conversation: Conversation, message_ids: set[str | None]) -> set[str]:
    wanted = message_ids - {None}
    if not wanted:
        return set()
    query = select(Message.id).filter_by(app_id=conversation.app_id, conversation_id=conversation.id)
    return set(session.scalars(query.where(Message.id.in_(wanted))))
