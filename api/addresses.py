"""The inbound address of a participant: a secret, shown only here and in its owner's mails."""

from sqlalchemy.orm import Session
from starlette.responses import Response

from api import errors, wire
from api.idempotency import REPLAYED
from api.request import Call
from api.wire import Json
from mailtalk import clock
from mailtalk.changes.log import Requested
from mailtalk.conversations import conversations
from mailtalk.errors import ErrorCode, NotFound
from mailtalk.participation import addresses
from mailtalk.participation.rules import Request
from mailtalk.vocabulary import ChangeKind, Purpose


async def get(call: Call) -> Json:
    """GET: mail to it appears as a message of this participant's."""
    local = await call.transact(_issue, call)
    return {"emailAddress": f"{local}@{call.services.reply_domain}"}


async def rotate(call: Call) -> Response:
    """POST: a new address; the old one is refused from then on."""
    asked = Requested(call.participant_key, Request(ChangeKind.ROTATE), clock.now())
    answer = await call.services.intake.change([asked], call.prefer, call.claim)
    if answer.status_code != 200:  # noqa: PLR2004  api.md: processed is exactly 200
        return answer
    kept = {name: answer.headers[name] for name in ("Operation-Location", *REPLAYED) if name in answer.headers}
    try:
        return wire.reply(await get(call), headers=kept)
    except NotFound as gone:  # the participant has left since
        return errors.answer(gone, kept)


def _issue(session: Session, call: Call) -> str:
    conversations.get(session, call.conversation_key)
    row = conversations.participant(session, call.participant_key)
    if not addresses.serves(row, Purpose.REPLY):
        raise NotFound(["this participant has no inbound address: it may not write"], ErrorCode.PARTICIPANT_NOT_FOUND)
    return addresses.issue(session, call.services.keyring, row, Purpose.REPLY)
