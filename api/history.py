"""Import: messages of another system with the times they had there; nobody is notified of them."""

from typing import Annotated

import msgspec
from msgspec import Meta
from sqlalchemy.orm import Session
from starlette.responses import Response

from api import listing, messages
from api.request import Call
from api.wire import Json
from mailtalk import clock
from mailtalk.conversations import conversations, history
from mailtalk.conversations.history import Old
from mailtalk.errors import Invalid
from mailtalk.vocabulary import Origin

AHEAD = 60_000  # milliseconds that the sender's clock may be before ours


class Imported(messages.New, kw_only=True):
    """One message; `timestamp` is when it was written, in milliseconds."""

    timestamp: int
    read_by: Annotated[list[messages.Id], Meta(max_length=1_000)] = msgspec.field(default_factory=list)


Batch = Annotated[list[Imported], Meta(min_length=1, max_length=100)]  # TalkJS takes 10


async def post(call: Call) -> Response:
    """POST: 1 to 100 messages; gives their ids in the order they were sent."""
    batch: list[Imported] = await call.body(Batch)
    return await call.commit(_post, call, [_old(i, each) for i, each in enumerate(batch)])


def _old(i: int, each: Imported) -> Old:
    name = f"{i}.timestamp"
    if each.timestamp > clock.millis(clock.now()) + AHEAD:
        raise Invalid({name: ["lies in the future"]})
    return Old(messages.draft(i, each, Origin.IMPORT), listing.moment(name, each.timestamp), each.read_by)


def _post(session: Session, call: Call, items: list[Old]) -> list[Json]:
    conversation = conversations.lock(session, call.conversation_key)
    return [{"id": message.id} for message in history.add(session, conversation, items)]
