"""Read state: TalkJS's old form, which reads all, and the new one, which reads up to a moment."""

import msgspec
from msgspec import UNSET, UnsetType
from starlette.responses import Response

from api import listing
from api.request import Call
from mailtalk.conversations import read_state


class Patch(msgspec.Struct, rename="camel"):
    """Body of PATCH; the moment is in milliseconds."""

    read_until: int | UnsetType = UNSET


async def post(call: Call) -> Response:
    """POST: all is read up to now; there is no body."""
    return await call.commit(read_state.read_all, call.participant_key)


async def patch(call: Call) -> Response:
    """PATCH: what was created until then is read, and nothing of what came after."""
    body = await call.body(Patch)
    moment = None if body.read_until is UNSET else listing.moment("readUntil", body.read_until)
    if moment is None:
        return await call.commit(read_state.check, call.participant_key)
    return await call.commit(read_state.read_until, call.participant_key, moment)
