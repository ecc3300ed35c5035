"""Apps, users, conversations and participants for a benchmark, straight into the tables."""

from datetime import timedelta

from sqlalchemy import bindparam, select, text
from sqlalchemy.orm import Session

from bench.servers import DOMAIN, Servers
from mailtalk import clock
from mailtalk.conversations import apps, messages
from mailtalk.conversations import conversations as conversation_rows
from mailtalk.conversations.drafts import Draft
from mailtalk.db.database import Database
from mailtalk.ids import ConversationKey
from mailtalk.models import Participation
from mailtalk.notifications.windows import Pace
from mailtalk.participation import addresses
from mailtalk.vocabulary import MessageType, Origin, Purpose

APP = "bench"
TEXT = "Shall we meet on Thursday? The kitchen is to be measured again before the tiles are ordered."
FIRST = (
    select(Participation.user_id)
    .where(Participation.app_id == APP, Participation.conversation_id == bindparam("conversation"))
    .order_by(Participation.user_id)
    .limit(1)
)
USERS = """
INSERT INTO users (app_id, id, name, emails)
SELECT :app, 'u' || i, 'User ' || i, ARRAY['u' || i || '@example.com'] FROM generate_series(1, :users) i"""
CONVERSATIONS = """
INSERT INTO conversations (app_id, id, subject)
SELECT :app, 'c' || i, 'Conversation ' || i FROM generate_series(1, :conversations) i"""
PARTICIPATIONS = """
INSERT INTO participations (app_id, conversation_id, user_id, present, access, notify, joined_at)
SELECT :app, 'c' || c, 'u' || ((c - 1) * :each + u - 1) % :users + 1, true, 'ReadWrite', 'All', now()
FROM generate_series(1, :conversations) c, generate_series(1, :each) u"""


def introduce(servers: Servers, database: Database, *, conversations: int, each: int, users: int = 0) -> str:
    """Make an app with so many conversations of so many participants each; give its secret."""
    numbers = {"app": APP, "conversations": conversations, "each": each, "users": users or conversations * each}
    with database.transaction() as session:
        _, secret = apps.create(session, servers.keyring, "Bench", APP)
        apps.put(session, APP, {"participant_limit": None})
        for statement in (USERS, CONVERSATIONS, PARTICIPATIONS):
            session.execute(text(statement), numbers)
    return secret


def say(database: Database, conversations: int, quiet: float = 0) -> None:
    """Post a message of the first participant in each conversation, whose window closes after `quiet` seconds."""
    pace = Pace(timedelta(seconds=quiet), timedelta(seconds=quiet))
    for number in range(1, conversations + 1):
        with database.transaction() as session:
            conversation = conversation_rows.lock(session, ConversationKey(APP, f"c{number}"))
            sender = session.scalars(FIRST, {"conversation": conversation.id}).one()
            draft = Draft(MessageType.USER, TEXT, Origin.REST, sender)
            messages.post(session, clock.now(), pace, conversation, [draft])


def participations(session: Session, limit: int) -> list[Participation]:
    """The first participations."""
    query = select(Participation).order_by(Participation.conversation_id, Participation.user_id).limit(limit)
    return list(session.scalars(query))


def inbound_addresses(servers: Servers, database: Database, limit: int) -> list[str]:
    """Issue inbound addresses of the first participants."""
    with database.transaction() as session:
        rows = participations(session, limit)
        return [f"{addresses.issue(session, servers.keyring, row, Purpose.REPLY)}@{DOMAIN}" for row in rows]
