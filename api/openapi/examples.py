"""Examples of the document's types, as typed values."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, get_args, get_origin

import msgspec

from api.app_settings import App, AppUpdate, Presences
from api.batch import BatchOperation, BatchResult
from api.health import Health, Readiness
from api.openapi.example_values import ALICE, HELLO, ORDER, SENT, T0, T1
from api.schemas import messages
from api.schemas.changes import Change
from api.schemas.conversations import ConversationUpdate, UserConversation
from api.schemas.inbound import InboundMail
from api.schemas.notifications import Notification
from api.schemas.participants import (
    ActionResult,
    ActionResults,
    InboundAddress,
    LeaveAction,
    LeaveParams,
    NewParticipant,
    Participant,
    ParticipantActions,
    ParticipantUpdate,
)
from api.schemas.types import Empty, OpenApi, Page
from api.schemas.users import UserUpdate
from api.schemas.webhooks import ReplayedEvents, TestEvent, Webhook, WebhookDelivery, WebhookReplay, WebhookUpdate
from mailtalk.events.schemas import Conversation, Message, User
from mailtalk.vocabulary import (
    Access,
    Actor,
    EndpointStatus,
    EventType,
    Frequency,
    MessageType,
    NotificationStatus,
    Outcome,
    Purpose,
    Verdict,
)

EXAMPLES: dict[Any, Any] = {
    str: "…",
    Empty: Empty(),
    OpenApi: OpenApi("3.1.0"),
    App: App("demo", "Demo", "en-GB", {"plan": "gold"}),
    AppUpdate: AppUpdate("de-DE"),
    Presences: Presences(),
    User: ALICE,
    UserUpdate: UserUpdate(name="Alice", email=["alice@example.com"], custom={"plan": "gold"}),
    Conversation: ORDER,
    UserConversation: UserConversation(**msgspec.structs.asdict(ORDER), unread_message_count=1, is_unread=True),
    ConversationUpdate: ConversationUpdate(subject="Black leather boots", participants=["alice", "bob"]),
    NewParticipant: NewParticipant(access="ReadWrite", notify="MentionsOnly"),
    ParticipantUpdate: ParticipantUpdate(notify=False, mute_until=datetime(2030, 1, 1, 9, tzinfo=UTC)),
    Participant: Participant(
        access=Access.READ_WRITE,
        notify="MentionsOnly",
        mute_until=None,
        frequency=Frequency.DEFAULT,
        joined_at=T0,
        is_unread=False,
        read_until=T1,
    ),
    Notification: Notification(
        id="ntf_5",
        status=NotificationStatus.MADE,
        reason=None,
        message_ids=[HELLO.id],
        created_at=T0,
        not_before=T1,
        ended_at=T1,
        deliveries=[SENT],
    ),
    InboundAddress: InboundAddress("k3v7q2m5x4c6n7b2a5s3d6f7g2h4j5@reply.example.com"),
    ParticipantActions: ParticipantActions([LeaveAction(1, LeaveParams("bob"))]),
    ActionResults: ActionResults([ActionResult(id=1, status=200, change_id="chg_42")]),
    Change: Change(
        id="chg_42",
        kind="join",
        conversation_id="order_391",
        user_id="alice",
        status="applied",
        by=Actor.BACKEND,
        requested_at=T0,
        applied_at=T0 + 12,
    ),
    Message: HELLO,
    messages.FileUpload: messages.FileUpload("@plan.pdf"),
    messages.UploadedFile: messages.UploadedFile(*["2f1c0d9e8b7a46f5a4b3c2d1e0f9a8b7"] * 2),
    messages.PostedMessage: messages.PostedMessage(HELLO.id),
    messages.NewMessage: messages.NewMessage(type=MessageType.USER, sender="alice", text="Do they come in brown?"),
    messages.MessageUpdate: messages.MessageUpdate(text="Do they come in black?"),
    messages.ReadStateUpdate: messages.ReadStateUpdate(T1),
    messages.EmojiUsers: messages.EmojiUsers("👍", ["bob"]),
    messages.ReactionUsers: messages.ReactionUsers(["bob"]),
    messages.ImportedMessage: messages.ImportedMessage(
        type=MessageType.USER, sender="alice", text="Hello from long ago", timestamp=1_500_000_000_000, read_by=["bob"]
    ),
    Webhook: Webhook(
        id="main",
        url="https://example.com/mailtalk",
        events=[EventType.MESSAGE_SENT, EventType.MESSAGE_READ],
        ordered=False,
        status=EndpointStatus.ACTIVE,
        reason=None,
        failing_since=None,
        secret_since=T0,
        created_at=T0,
    ),
    WebhookUpdate: WebhookUpdate("https://example.com/mailtalk", events=[EventType.MESSAGE_SENT]),
    WebhookReplay: WebhookReplay(T0, T1),
    WebhookDelivery: WebhookDelivery(
        id="dlv_7",
        event_id="evt_42",
        type=EventType.MESSAGE_SENT,
        conversation_id="order_391",
        sequence=3,
        stage="sent",
        attempts=1,
        status=200,
        reply=None,
        created_at=T1,
        tried_at=T1 + 100,
        next_try_at=None,
        ended_at=T1 + 100,
    ),
    ReplayedEvents: ReplayedEvents(12),
    TestEvent: TestEvent("evt_43"),
    InboundMail: InboundMail(
        id="mail_12",
        outcome=Outcome.QUARANTINED,
        verdict=Verdict.SENDER,
        reason="from-not-registered",
        flag=None,
        purpose=Purpose.REPLY,
        user_id="alice",
        conversation_id="order_391",
        message_id=None,
        size=2048,
        received_at=T0,
        processed_at=T0 + 120,
        released_at=None,
        can_replay=True,
    ),
    BatchOperation: BatchOperation(1, "PUT", "/users/alice", {"name": "Alice"}),
    BatchResult: BatchResult(1, 200, {}),
    Health: Health("ok"),
    Readiness: Readiness(status="ready", database="ok", worker="ok", broker="ok"),
}


def of(shape: Any) -> Any:
    """Example of a type, as JSON values."""
    origin, arguments = get_origin(shape), get_args(shape)
    if origin is Annotated:
        return of(arguments[0])
    if origin is Page:
        return {"data": [of(arguments[0])]}
    if origin is list:
        return [of(arguments[0])]
    if origin is dict:
        return {"alice": of(arguments[1])}
    return plain(EXAMPLES[shape])


def plain(value: object) -> Any:
    """Convert a value to JSON values."""
    return msgspec.to_builtins(value, str_keys=True)


def without(value: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Copy of an object without some of its keys."""
    return {name: item for name, item in value.items() if name not in names}
