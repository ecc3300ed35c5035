"""Reactions to messages."""

from sqlalchemy.orm import Session

from api.messages import NO_MESSAGE
from api.paths import MESSAGE
from api.request import Call
from api.routing import route
from api.schemas.messages import EmojiUsers, ReactionUsers
from api.schemas.types import Page
from mailtalk import clock
from mailtalk.conversations import reactions
from mailtalk.errors import ErrorCode, Invalid

TAG = "Messages"
REACTIONS = MESSAGE + "/reactions"
REACTION = REACTIONS + "/{emoji}/{userId}"
LONGEST = 64  # characters of an emoji: flags of regions and families consist of many
MISSING = [*NO_MESSAGE, ErrorCode.PARTICIPANT_NOT_FOUND]


@route("PUT", REACTION, TAG, missing=MISSING)
def add_reaction(session: Session, call: Call) -> None:
    """Add a reaction.

    The user must be a participant. Adding it again changes nothing. Nobody is mailed. There is no body.
    """
    reactions.add(session, clock.now(), call.participant_key, call.id("messageId"), _emoji(call))


@route("DELETE", REACTION, TAG, missing=MISSING)
def remove_reaction(session: Session, call: Call) -> None:
    """Remove a reaction.

    Removing it again changes nothing.
    """
    reactions.remove(session, clock.now(), call.participant_key, call.id("messageId"), _emoji(call))


@route("GET", REACTIONS, TAG, missing=NO_MESSAGE)
def list_reactions(session: Session, call: Call) -> Page[EmojiUsers]:
    """List the reactions to a message, the first emoji first."""
    found = reactions.listed(session, call.conversation_key, call.id("messageId"))
    return Page([EmojiUsers(emoji, user_ids) for emoji, user_ids in found.items()])


@route("GET", REACTIONS + "/{emoji}", TAG, missing=NO_MESSAGE)
def list_emoji_users(session: Session, call: Call) -> ReactionUsers:
    """List the users who added an emoji to a message, the first one first."""
    found = reactions.listed(session, call.conversation_key, call.id("messageId"))
    return ReactionUsers(found.get(_emoji(call), []))


def _emoji(call: Call) -> str:
    emoji = call.id("emoji")
    if len(emoji) > LONGEST:
        raise Invalid({"emoji": [f"must be an emoji or its name, of 1 to {LONGEST} characters"]})
    return emoji
