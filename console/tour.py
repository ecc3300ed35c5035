"""The first five minutes: Alice and Bob side by side, she in her app and he in his mailbox."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from console import letters, smtp_reply
from console.conversations import shown
from console.mail_views import MailView
from console.rendering import segment
from console.requests import ConsoleRequest
from console.routing import APP, page
from mailtalk import clock
from mailtalk.changes.log import Requested
from mailtalk.conversations import apps, conversations, messages, users
from mailtalk.conversations.drafts import Draft
from mailtalk.errors import Invalid, NotFound
from mailtalk.ids import ConversationKey, ParticipantKey
from mailtalk.models import Conversation, Message, User
from mailtalk.participation.rules import Request
from mailtalk.support.deliveries import DeliveryReport
from mailtalk.vocabulary import Actor, ChangeKind, MessageType, Origin

TOUR = APP + "/tour"
CONVERSATION, SUBJECT = "first-steps", "Lunch"
ALICE, BOB = "alice", "bob"
PEOPLE = {ALICE: "Alice", BOB: "Bob"}
MESSAGES = 20
TEXT_LIMIT = 4_000


@dataclass(frozen=True, slots=True)
class TourState:
    """How far the tour has come: the conversation's messages, and Bob's newest mail."""

    conversation: Conversation | None
    messages: list[Message]
    letter: DeliveryReport | None

    @property
    def asked_at(self) -> datetime | None:
        """When Alice wrote last."""
        return max((row.created_at for row in self.messages if row.sender_id == ALICE), default=None)

    @property
    def step(self) -> int:
        """Number of the step that is due: 1 Alice writes, 2 the window, 3 Bob's mail is made, 4 he replies, 5 done."""
        if self.asked_at is None or self.conversation is None:
            return 1
        if self.letter is None or self.letter.created_at < self.asked_at:
            return 2 if self.conversation.window_due_at else 3
        answered = any(row.sender_id == BOB and row.created_at > self.asked_at for row in self.messages)
        return 5 if answered else 4


@page("GET", TOUR)
def show_tour(session: Session, visit: ConsoleRequest) -> Response:
    """Show the conversation and Bob's mail."""
    key = _key(visit)
    app = apps.found(session, key.app_id)
    conversation = session.get(Conversation, key)
    rows = messages.page(session, key, MESSAGES) if conversation else []
    state = TourState(conversation, rows, letters.latest(session, ParticipantKey(key, BOB)))
    quiet = app.quiet_seconds if app.quiet_seconds is not None else visit.site.settings.quiet_seconds
    return visit.show(
        "tour.html",
        state=state,
        messages=shown(session, visit, key, rows)[::-1],
        mail=letters.opened(session, visit, state.letter.id) if state.letter else None,
        conversation=conversation,
        quiet=quiet,
        api=visit.site.settings.base_url,
        bridge="{}:{}".format(*smtp_reply.address(visit.site.settings)),
    )


@page("POST", TOUR + "/write")
async def write(visit: ConsoleRequest) -> Response:
    """Post a message of Alice; the first one also makes both people and their conversation."""
    text = _text(visit)
    key = _key(visit)
    new = await visit.services.transact(lambda session: _introduce(session, key))
    if new:
        await visit.services.intake.take(new)
    await visit.services.transact(lambda session: _post(session, visit, key, text))
    return visit.back_to(_path(visit), "written")


@page("POST", TOUR + "/reply")
async def reply(visit: ConsoleRequest) -> Response:
    """Answer Bob's newest mail, as his mail program would: by SMTP."""
    text = _text(visit)
    mail = await visit.services.transact(lambda session: _mail_of_bob(session, visit))
    if mail is None:
        return visit.back_to(_path(visit), "no-mail")
    message = smtp_reply.compose(mail, text, clock.now())
    await run_in_threadpool(smtp_reply.send, visit.site.settings, message)
    return visit.back_to(_path(visit), "replied")


def _key(visit: ConsoleRequest) -> ConversationKey:
    """Conversation of the tour. NotFound outside of the demo app: the tour writes, and shows reply addresses."""
    if not visit.shows_secrets:
        raise NotFound(["only the demo app has a tour"])
    return ConversationKey(visit.app_id, CONVERSATION)


def _introduce(session: Session, key: ConversationKey) -> list[Requested]:
    """Put the people and the conversation, unless they are there; returns the joins that are still to be done."""
    for user_id, name in PEOPLE.items():
        if session.get(User, (key.app_id, user_id)) is None:
            users.put(session, key.app_id, user_id, {"name": name, "emails": [f"{user_id}@example.com"]})
    if session.get(Conversation, key) is not None:
        return []
    conversations.put(session, key, {"subject": SUBJECT})
    join = Request(ChangeKind.JOIN, by=Actor.OPERATOR)
    return [Requested(ParticipantKey(key, user_id), join, clock.now()) for user_id in PEOPLE]


def _post(session: Session, visit: ConsoleRequest, key: ConversationKey, text: str) -> None:
    conversation = conversations.lock(session, key)
    draft = Draft(MessageType.USER, text, Origin.WEB, ALICE)
    messages.post(session, clock.now(), visit.services.pace, conversation, [draft])
    visit.record(session, "write a message in the tour", conversation=key.id)


def _mail_of_bob(session: Session, visit: ConsoleRequest) -> MailView | None:
    letter = letters.latest(session, ParticipantKey(_key(visit), BOB))
    if letter is None:
        return None
    visit.record(session, "reply by mail in the tour", delivery=str(letter.id))
    return letters.opened(session, visit, letter.id)


def _text(visit: ConsoleRequest) -> str:
    text = visit.form.get("text", "").strip()
    if not text or len(text) > TEXT_LIMIT:
        raise Invalid({"text": [f"must have 1 to {TEXT_LIMIT} characters"]})
    return text


def _path(visit: ConsoleRequest) -> str:
    return f"/console/apps/{segment(visit.app_id)}/tour"
