"""History: import of messages from another system, with their original times; nobody is notified."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from mailtalk import file_uses
from mailtalk.conversations import messages
from mailtalk.conversations.drafts import Draft, with_files
from mailtalk.errors import Invalid
from mailtalk.models import Conversation, Message, User


@dataclass(frozen=True, slots=True)
class Old:
    """An imported message: its draft, its time, and the users who have read it."""

    draft: Draft
    at: datetime
    read_by: list[str] = field(default_factory=list)


def add(session: Session, conversation: Conversation, items: Sequence[Old]) -> list[Message]:
    """Import messages into a locked conversation, in any order; returns them in the order given.

    Senders and readers must be users of the app, participants or not; Invalid names unknown ones.
    """
    _check(session, conversation.app_id, items)
    drafts = [item.draft for item in items]
    known = messages.by_key(session, conversation, drafts)
    drafts = with_files(session, conversation, drafts, known)
    before = conversation.last_seq
    added = {}
    for i, item in sorted(enumerate(items), key=lambda pair: pair[1].at):
        added[i] = messages.append(session, item.at, conversation, drafts[i], known)
        if added[i].seq > before and not added[i].read_by:
            added[i].read_by = list(dict.fromkeys(item.read_by))
    session.flush()
    file_uses.attach(session, conversation.key, [message for message in added.values() if message.seq > before])
    _move_marks(session, conversation, before, sorted(added.values(), key=lambda message: message.seq))
    return [added[i] for i in range(len(items))]


def _check(session: Session, app_id: str, items: Sequence[Old]) -> None:
    named = {user_id for item in items for user_id in (item.draft.sender_id, *item.read_by) if user_id is not None}
    known = set(session.scalars(select(User.id).where(User.app_id == app_id, User.id.in_(named))))
    wrong = {
        f"{i}.{name}": [f"no user {user_id!r}"]
        for i, item in enumerate(items)
        for name, user_ids in (("sender", [item.draft.sender_id]), ("readBy", item.read_by))
        for user_id in user_ids
        if user_id is not None and user_id not in known
    }
    if wrong:
        raise Invalid(wrong)


def _move_marks(session: Session, conversation: Conversation, before: int, added: Sequence[Message]) -> None:
    """Advance the read state of users who had read everything, past imported messages that they have read."""
    marks = _marks(before, [message for message in added if message.seq > before])
    session.execute(
        text("""
        UPDATE participations p SET read_seq = read.seq
        FROM unnest(CAST(:users AS text[]), CAST(:seqs AS bigint[])) AS read (user_id, seq)
        WHERE p.app_id = :app AND p.conversation_id = :conversation AND p.user_id = read.user_id
            AND p.read_seq >= :before AND p.read_seq < read.seq"""),
        {
            "app": conversation.app_id,
            "conversation": conversation.id,
            "before": before,
            "users": list(marks),
            "seqs": list(marks.values()),
        },
    )


def _marks(before: int, added: Sequence[Message]) -> dict[str, int]:
    everybody = {user_id for message in added for user_id in (message.sender_id, *message.read_by) if user_id}
    marks = dict.fromkeys(everybody, before)
    for message in added:
        for user_id in (message.sender_id, *message.read_by):
            if user_id and marks[user_id] == message.seq - 1:
                marks[user_id] = message.seq
    return {user_id: seq for user_id, seq in marks.items() if seq > before}
