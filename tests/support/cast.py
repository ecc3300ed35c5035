"""Alice, Bob, Carol and Dave, who are in every test; and the verbs that bring them into conversations."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from support.waiting import until

from mailtalk import clock
from mailtalk.changes import apply
from mailtalk.changes import log as change_log
from mailtalk.changes.log import Ended, Requested
from mailtalk.conversations import apps, conversations, messages, users
from mailtalk.conversations.drafts import Draft
from mailtalk.db.database import Database
from mailtalk.errors import NotFound
from mailtalk.ids import ConversationKey, ParticipantKey
from mailtalk.keys import Keyring
from mailtalk.models import Message
from mailtalk.notifications.windows import Pace
from mailtalk.participation.rules import Request
from mailtalk.vocabulary import Access, ChangeKind, MessageType, Notify, Origin

NAMES = ("alice", "bob", "carol", "dave")
QUICK = Pace(timedelta(0), timedelta(0))


@dataclass(frozen=True)
class Cast:
    """An app with four users and a conversation, straight through the domain."""

    database: Database
    app_id: str
    secret: str
    conversation: str = "hello"

    @classmethod
    def introduce(cls, database: Database, keyring: Keyring, name: str = "Demo") -> "Cast":
        with database.transaction() as session:
            app_id, secret = apps.create(session, keyring, name)
            for user in NAMES:
                users.put(session, app_id, user, {"name": user.title(), "emails": [f"{user}@example.com"]})
            conversations.put(session, ConversationKey(app_id, "hello"), {"subject": "Hello"})
        return cls(database, app_id, secret)

    @property
    def key(self) -> ConversationKey:
        return ConversationKey(self.app_id, self.conversation)

    def participant(self, user: str) -> ParticipantKey:
        return ParticipantKey(self.key, user)

    def accept(self, user: str, request: Request, conversation: str = "hello") -> int | NotFound:
        asked = Requested(ParticipantKey.of(self.app_id, conversation, user), request, clock.now())
        with self.database.transaction() as session:
            return change_log.accept(session, [asked])[0]

    def apply(self) -> list[Ended]:
        with self.database.transaction() as session:
            return apply.apply(session, clock.now()) or []

    def change(self, user: str, request: Request) -> str | None:
        """Have one change applied; gives its error code."""
        change_id = self.accept(user, request)
        assert isinstance(change_id, int)
        self.apply()
        return until(lambda: self._ended(change_id))[0].error_code  # by now, or by a worker beside us

    def _ended(self, change_id: int) -> list[Ended]:
        with self.database.transaction() as session:
            return change_log.ended(session, [(self.app_id, change_id)])

    def join(self, *names: str, access: Access | None = None, notify: Notify | None = None) -> None:
        for user in names:
            assert self.change(user, Request(ChangeKind.JOIN, access, notify)) is None

    def leave(self, user: str) -> None:
        assert self.change(user, Request(ChangeKind.LEAVE)) is None

    def say(self, user: str, *texts: str, pace: Pace = QUICK) -> Sequence[Message]:
        drafts = [Draft(MessageType.USER, text, Origin.REST, user) for text in texts]
        with self.database.transaction() as session:
            conversation = conversations.lock(session, self.key)
            return messages.post(session, clock.now(), pace, conversation, drafts)
