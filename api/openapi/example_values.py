"""Values that the examples of the document share: a user, a message, a conversation, a delivery."""

from api.schemas.notifications import Delivery
from mailtalk.events.schemas import Conversation, Message, ParticipantSettings, Reactions, User
from mailtalk.vocabulary import (
    Access,
    MessageType,
    Origin,
    Stage,
)

T0, T1 = 1_700_000_000_000, 1_700_000_060_000
ALICE = User(
    id="alice",
    name="Alice",
    email=["alice@example.com"],
    phone=None,
    photo_url="https://example.com/alice.jpg",
    welcome_message=None,
    locale="en-GB",
    time_zone="Europe/London",
    role="buyer",
    custom={"plan": "gold"},
    push_tokens={},
    availability_text=None,
    header_photo_url=None,
    created_at=T0,
)
HELLO = Message(
    id="msg_Zm9yIHRoZSB0ZXN0cw",
    conversation_id="order_391",
    type=MessageType.USER,
    sender_id="alice",
    text="Do they come in brown, <!!mention:bob|Bob>?",
    content=[
        {"type": "text", "children": ["Do they come in brown, ", {"type": "mention", "id": "bob", "text": "Bob"}, "?"]}
    ],
    read_by=["bob"],
    origin=Origin.EMAIL,
    location=None,
    attachment=None,
    custom={},
    created_at=T1,
    edited_at=None,
    referenced_message_id=None,
    reactions=[Reactions("👍", 1)],
)
ORDER = Conversation(
    id="order_391",
    subject="Black leather boots",
    photo_url=None,
    welcome_messages=["Hello there!"],
    custom={"productId": "454545"},
    last_message=HELLO,
    participants={
        "alice": ParticipantSettings(Access.READ_WRITE, notify=True),
        "bob": ParticipantSettings(Access.READ, notify="MentionsOnly"),
    },
    everyone_read_until=T1,
    created_at=T0,
    topic_id="order_391",
)
SENT = Delivery(
    address="alice@example.com",
    stage=Stage.SENT,
    reply="250 2.0.0 OK",
    attempts=1,
    not_before=T1,
    sent_at=T1 + 300,
    bounced_at=None,
)
