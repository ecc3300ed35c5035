"""Conversations: their list, the search, and one with its messages and participants, live."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import Response, StreamingResponse

from console.rendering import time_of
from console.requests import ConsoleRequest
from console.routing import APP, page
from mailtalk import clock
from mailtalk.conversations import apps, conversations, messages, read_marks
from mailtalk.ids import ConversationKey
from mailtalk.mail.composing import spans
from mailtalk.models import InboundMail, Message, Participation, User
from mailtalk.support import search
from mailtalk.vocabulary import Access, Frequency, Notify, Origin

LIST = APP + "/conversations"
ONE = LIST + "/{conversationId}"
PAGE = 30  # conversations
MESSAGES = 40
PEOPLE = 15
EVENTS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@dataclass(frozen=True, slots=True)
class ConsoleMessage:
    """A message with its sender's name, and the mail that it came from."""

    row: Message
    sender: str | None
    spans: Sequence[spans.TextSpan]
    file_url: str | None
    mail_id: int | None


@dataclass(frozen=True, slots=True)
class ConsoleParticipant:
    """A participation with its user and read state."""

    row: Participation
    user: User
    is_unread: bool
    read_until: datetime | None
    is_muted: bool


@page("GET", LIST)
def list_conversations(session: Session, visit: ConsoleRequest) -> Response:
    """List or search the app's conversations, the most recently active first."""
    app = apps.found(session, visit.app_id)
    wanted = visit.query.get("q", "").strip()[:200]
    place = search.Place(time_of(visit.query.get("before")), visit.query.get("id", ""))
    if wanted:
        hits, is_complete = search.find(session, app.id, wanted, PAGE + 1, place)
    else:
        hits, is_complete = search.latest(session, app.id, PAGE + 1, place), True
    return visit.show("conversations.html", hits=hits[:PAGE], q=wanted, more=len(hits) > PAGE, is_complete=is_complete)


@page("GET", ONE)
def show_conversation(session: Session, visit: ConsoleRequest) -> Response:
    """Show a conversation's newest messages and its participants."""
    key = visit.conversation_key
    conversation = conversations.get(session, key)
    rows = messages.page(session, key, MESSAGES + 1, visit.query.get("before"))
    skipped = visit.query.get("people", "")[:9]
    first = int(skipped) if skipped.isdecimal() else 0
    people = participants(session, key, first)
    return visit.show(
        "conversation.html",
        conversation=conversation,
        messages=shown(session, visit, key, rows[:MESSAGES])[::-1],
        older=rows[MESSAGES - 1].id if len(rows) > MESSAGES else None,
        participants=people[:PEOPLE],
        more_participants=first + PEOPLE if len(people) > PEOPLE else None,
        choices={"access": list(Access), "notify": list(Notify), "frequency": list(Frequency)},
        now=clock.now(),
    )


@page("GET", ONE + "/live")
async def watch(visit: ConsoleRequest) -> Response:
    """Stream an event whenever something happens in the conversation."""
    changes = visit.site.watch.changes(visit.services.database, visit.conversation_key)

    async def events() -> AsyncIterator[str]:
        async for is_change in changes:
            yield "event: changed\ndata: \n\n" if is_change else ": still here\n\n"

    return StreamingResponse(events(), headers=EVENTS, media_type="text/event-stream")


def participants(session: Session, key: ConversationKey, first: int = 0) -> list[ConsoleParticipant]:
    """Participants from the number `first` on, also those with access None, oldest join first; without who left."""
    query = select(Participation, User).join(
        User, (User.app_id == Participation.app_id) & (User.id == Participation.user_id)
    )
    present = query.where(
        Participation.app_id == key.app_id, Participation.conversation_id == key.id, Participation.present
    )
    rows = session.execute(
        present.order_by(Participation.joined_at, Participation.user_id).offset(first).limit(PEOPLE + 1)
    ).all()
    marks, now = read_marks.of_participants(session, [row.key for row, _ in rows]), clock.now()
    return [
        ConsoleParticipant(row, user, *marks[row.key], row.mute_until is not None and row.mute_until > now)
        for row, user in rows
    ]


def shown(
    session: Session, visit: ConsoleRequest, key: ConversationKey, rows: Sequence[Message]
) -> list[ConsoleMessage]:
    """Messages of a conversation, with their senders' names."""
    names = _names(session, key.app_id, {row.sender_id for row in rows if row.sender_id})
    mails = _mails(session, key, [row.id for row in rows if row.origin == Origin.EMAIL])
    links, now = visit.services.links, clock.now()
    return [
        ConsoleMessage(
            row,
            names.get(row.sender_id or ""),
            spans.of(spans.clean(row.text), None, names),
            _url(links.shown(row.app_id, row.attachment, now)),
            mails.get(row.id),
        )
        for row in rows
    ]


def _names(session: Session, app_id: str, user_ids: set[str]) -> dict[str, str]:
    query = select(User.id, User.name).where(User.app_id == app_id, User.id.in_(user_ids))
    return {row.id: row.name for row in session.execute(query)}


def _mails(session: Session, key: ConversationKey, message_ids: Sequence[str]) -> dict[str, int]:
    """Ids of the inbound mails that became these messages."""
    if not message_ids:
        return {}
    query = select(InboundMail).filter_by(app_id=key.app_id, conversation_id=key.id)
    rows = session.scalars(query.where(InboundMail.posted_as.in_(message_ids)))
    return {row.posted_as or "": row.id for row in rows}


def _url(attachment: dict[str, Any] | None) -> str | None:
    url = attachment["url"] if attachment else None
    return url if url is not None and url.startswith(("http://", "https://")) else None
