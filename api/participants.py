"""Participants: join, update and leave are changes applied by a worker; also reads, and a new inbound address."""

from typing import Any

from sqlalchemy.orm import Session

from api import errors, wire
from api.idempotency_header import REPLAYED
from api.paths import PARTICIPANT, PARTICIPANTS
from api.request import Call
from api.routing import route
from api.schemas.notifications import Notification
from api.schemas.participants import (
    InboundAddress,
    NewParticipant,
    Participant,
    ParticipantUpdate,
    change,
    read_moment,
)
from api.schemas.types import Empty, Page, PageQuery
from api.wire import Answer
from mailtalk import clock
from mailtalk.changes.log import Requested
from mailtalk.conversations import conversations, read_marks, read_state
from mailtalk.errors import ErrorCode, Invalid, NotFound
from mailtalk.ids import NOTIFICATION
from mailtalk.participation import addresses
from mailtalk.participation.rules import Request
from mailtalk.support import explain
from mailtalk.vocabulary import Access, ChangeKind, Purpose

TAG = "Participants"
NO_CONVERSATION = [ErrorCode.CONVERSATION_NOT_FOUND]
NO_USER = [*NO_CONVERSATION, ErrorCode.USER_NOT_FOUND]
NO_PARTICIPANT = [*NO_CONVERSATION, ErrorCode.PARTICIPANT_NOT_FOUND]


@route("PUT", PARTICIPANT, TAG, missing=NO_USER, conflict="Conflict", is_change=True, counts="joins")
async def join_conversation(call: Call, body: NewParticipant) -> Answer[Empty]:
    """Join: add a participant, or overwrite one.

    Overwrites all settings: an absent one gets its default (`ReadWrite`, `true`, `default`). A participant who joins
    sees the whole history, also what was written while they were away. 409 over the app's participant limit.
    """
    return await _change(call, change(ChangeKind.JOIN, body))


@route("PATCH", PARTICIPANT, TAG, missing=NO_PARTICIPANT, conflict="Conflict", is_change=True)
async def update_participant(call: Call, body: ParticipantUpdate) -> Answer[Empty]:
    """Update a participant.

    Only the given fields change. `muteUntil` ends by itself; `frequency` is how often to mail. Access `None` (from
    version 2021-07-30) keeps a frozen view of what was there at that moment, and nothing new.
    """
    key, request, until = call.participant_key, update(call, body), read_moment(body)
    if until is None:
        return await _change(call, request)

    def read(session: Session) -> Empty:
        read_state.read_until(session, key, until)
        return Empty()

    if request == Request(ChangeKind.UPDATE):
        return await call.commit(read)
    return await call.commit_changes([Requested(key, request, clock.now())], read)


@route("DELETE", PARTICIPANT, TAG, missing=NO_USER, conflict="Conflict", is_change=True)
async def leave_conversation(call: Call) -> Answer[Empty]:
    """Leave a conversation.

    Idempotent: leaving twice, or without having joined, is 200. From version 2021-07-30 the conversation is gone from
    the user's list; before, it stays and is readable up to the leave.
    """
    return await _change(call, leave(call))


@route("GET", PARTICIPANT, TAG, missing=NO_PARTICIPANT)
def get_participant(session: Session, call: Call) -> Participant:
    """Get a participant.

    Also one with access `None`. Ours, not TalkJS's.
    """
    row = conversations.participant(session, call.participant_key)
    return Participant.of(row, clock.now(), read_marks.of_participants(session, [row.key])[row.key])


@route("GET", PARTICIPANTS, TAG, missing=NO_CONVERSATION)
def list_participants(session: Session, call: Call, query: PageQuery) -> Page[Participant]:
    """List participants, newest join first.

    Without those who left or have access `None`. Ours, not TalkJS's.
    """
    rows = conversations.participants_page(session, call.conversation_key, query.limit, query.after)
    marks, now = read_marks.of_participants(session, [row.key for row in rows]), clock.now()
    return Page([Participant.of(row, now, marks[row.key], row.user_id) for row in rows])


@route("GET", PARTICIPANT + "/notifications", TAG, missing=NO_PARTICIPANT)
def list_notifications(session: Session, call: Call, query: PageQuery) -> Page[Notification]:
    """List a participant's notifications: why they were mailed, or not.

    Newest first, for 30 days. `made` has its mails, `open` waits until `notBefore`, `cancelled` has its `reason`:
    `left`, `access-none`, `own-message`, `already-read`, `muted`, `notify-off`, `not-mentioned`, `no-address`,
    `suppressed`, `nothing-left`, `conversation-deleted`, or `error:` and its kind. Ours, not TalkJS's.
    """
    before = wire.cursor(NOTIFICATION, query.after)
    notifications = explain.page(session, call.participant_key, limit=query.limit, before=before)
    return Page([Notification.of(report) for report in notifications])


@route("GET", PARTICIPANT + "/email", TAG, missing=NO_PARTICIPANT)
def get_inbound_address(session: Session, call: Call) -> InboundAddress:
    """Get a participant's inbound address.

    Mail to this address appears as a message of this user in this conversation. It is a credential: show it to its
    owner only. There is none while the access is `Read` or `None`; leaving ends it.
    """
    conversations.get(session, call.conversation_key)
    row = conversations.participant(session, call.participant_key)
    if not addresses.serves(row, Purpose.REPLY):
        raise NotFound(["this participant may not write, and has no inbound address"], ErrorCode.PARTICIPANT_NOT_FOUND)
    local = addresses.issue(session, call.services.keyring, row, Purpose.REPLY)
    return InboundAddress(call.services.scheme.address(local))


@route("POST", PARTICIPANT + "/email/rotate", TAG, missing=NO_PARTICIPANT, conflict="Conflict", is_change=True)
async def rotate_inbound_address(call: Call) -> Answer[InboundAddress]:
    """Give a participant a new inbound address.

    The old address is refused from now on. There is no body. Ours, not TalkJS's.
    """
    answer = await _change(call, Request(ChangeKind.ROTATE))
    if answer.status_code != 200:  # noqa: PLR2004  only a 200 is done
        return answer
    kept = {name: answer.headers[name] for name in ("Operation-Location", *REPLAYED) if name in answer.headers}
    try:
        address = await call.services.transact(lambda session: get_inbound_address(session, call))
    except NotFound as error:  # the participant has left since
        return errors.answer(error, kept)
    return wire.reply(address, headers=kept)


def update(call: Call, body: ParticipantUpdate) -> Request:
    """Change of a PATCH. Invalid for access `None` in a version that does not know it."""
    if body.access is Access.NONE and not call.version.knows_none:
        raise Invalid({"access": [f'"None" is not known to version {call.version.name}']})
    return change(ChangeKind.UPDATE, body)


def leave(call: Call) -> Request:
    """Change of a DELETE, by the rules of the call's version."""
    return Request(ChangeKind.DEPART if call.version.leave_keeps_view else ChangeKind.LEAVE)


async def _change(call: Call, request: Request) -> Answer[Any]:
    requested = Requested(call.participant_key, request, clock.now())
    return await call.services.intake.change([requested], call.prefer, call.claim)
