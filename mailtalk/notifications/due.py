"""Due notifications with their recipients: claimed by one worker until the end of the transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.types.multirange import Multirange
from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from mailtalk.db import step_times, turns
from mailtalk.ids import ConversationKey, ParticipantKey
from mailtalk.models import Participation, User
from mailtalk.vocabulary import Access, QueueName

BATCH = 300  # notifications in one transaction
DIGESTS = 100  # due notifications whose readers get their digests in one transaction
SECTIONS = 20  # conversations in one digest: its HTML stays within what Gmail shows
COLUMNS = """p.app_id, p.conversation_id, p.user_id, p.id AS participation_id, p.present, p.access,
        p.notify, p.generation, p.mute_until, p.sees, p.frequency, p.chosen, p.read_seq, p.mailed_seq,
        u.name, u.emails, coalesce(u.locale, a.default_locale) AS locale, u.time_zone"""  # of a Recipient

# SKIP LOCKED for the participation too: one whose change is being applied is retried later, not waited for.
# Rows are joined by key, one after the other (a lock or OFFSET 0 keeps the planner from any other join): without
# statistics, as after an import, it would compare all users with all due notifications.
CLAIM = text(f"""
    WITH turn AS MATERIALIZED ({turns.turn("notifications", "status = 'open' AND NOT digest", "not_before")}),
    due AS MATERIALIZED (
        SELECT own.* FROM turn CROSS JOIN LATERAL (
            SELECT * FROM notifications WHERE app_id = turn.app_id AND status = 'open' AND NOT digest
                AND not_before <= :now
            ORDER BY not_before, id LIMIT {turns.SHARE} FOR NO KEY UPDATE SKIP LOCKED) AS own)
    SELECT n.not_before, n.id, n.from_seq, {COLUMNS}
    FROM due n
    CROSS JOIN LATERAL (
        SELECT * FROM participations
        WHERE app_id = n.app_id AND conversation_id = n.conversation_id AND user_id = n.user_id
        FOR NO KEY UPDATE SKIP LOCKED) AS p
    CROSS JOIN LATERAL (SELECT * FROM users WHERE app_id = n.app_id AND id = n.user_id OFFSET 0) AS u
    JOIN apps a ON a.id = n.app_id
    ORDER BY n.not_before, n.id""")  # noqa: S608  ours
# Each reader is locked by one worker, so that all that is due for them is in one mail.
_CLAIM_DIGESTS = text(f"""
    WITH turn AS MATERIALIZED ({turns.turn("notifications", "status = 'open' AND digest", "not_before")}),
    due AS MATERIALIZED (
        SELECT DISTINCT own.* FROM turn CROSS JOIN LATERAL (
            SELECT app_id, user_id FROM notifications
            WHERE app_id = turn.app_id AND status = 'open' AND digest AND not_before <= :now
            ORDER BY not_before LIMIT {turns.SHARE}) AS own),
    reader AS MATERIALIZED (
        SELECT u.* FROM due CROSS JOIN LATERAL (
            SELECT * FROM users WHERE app_id = due.app_id AND id = due.user_id
            FOR NO KEY UPDATE SKIP LOCKED) AS u)
    SELECT d.not_before, d.id, d.from_seq, {COLUMNS}
    FROM reader u CROSS JOIN LATERAL (
        SELECT * FROM notifications n WHERE n.app_id = u.app_id AND n.user_id = u.id AND n.status = 'open'
            AND n.digest AND n.not_before <= :now
        ORDER BY n.id LIMIT :sections FOR NO KEY UPDATE OF n SKIP LOCKED) AS d
    CROSS JOIN LATERAL (
        SELECT * FROM participations
        WHERE app_id = d.app_id AND conversation_id = d.conversation_id AND user_id = d.user_id
        FOR NO KEY UPDATE SKIP LOCKED) AS p
    JOIN apps a ON a.id = p.app_id
    ORDER BY p.app_id, p.user_id, d.id""")  # noqa: S608  ours


@dataclass(frozen=True)
class Recipient:
    """Columns of a participation, under their names, and of its user."""

    app_id: str
    conversation_id: str
    user_id: str
    id: UUID
    present: bool
    access: str
    notify: str
    generation: int
    mute_until: datetime | None
    sees: str
    frequency: str
    chosen: Sequence[str]
    read_seq: int
    mailed_seq: int
    name: str
    emails: Sequence[str] | None
    locale: str | None
    time_zone: str | None

    @classmethod
    def of(cls, row: Participation, user: User) -> "Recipient":
        """Values of these rows."""
        own = {field.name: getattr(row, field.name) for field in fields(cls) if hasattr(row, field.name)}
        return cls(**own, name=user.name, emails=user.emails, locale=user.locale, time_zone=user.time_zone)

    @cached_property
    def conversation(self) -> ConversationKey:
        """The conversation's key."""
        return ConversationKey(self.app_id, self.conversation_id)

    @cached_property
    def key(self) -> ParticipantKey:
        """The participant's key."""
        return ParticipantKey(self.conversation, self.user_id)

    @property
    def takes_part(self) -> bool:
        """True for participants; False after leaving and with access None."""
        return self.present and self.access != Access.NONE


class DueNotification(NamedTuple):
    """Open notification whose time has come, or one whose mail is made anew, with the messages that it was about."""

    id: int
    from_seq: int
    recipient: Recipient
    seqs: Multirange[int] | None = None
    is_digest: bool = False

    @property
    def reader(self) -> tuple[object, ...]:
        """Key of the mail that it is in: a digest's is its reader, another's it has for itself."""
        recipient = self.recipient
        return (recipient.app_id, recipient.user_id) if self.is_digest else (recipient.app_id, self.id)

    @property
    def first_seq(self) -> int:
        """First message of the notification; of an open one, the first that is not settled yet."""
        return self.from_seq if self.seqs else max(self.recipient.mailed_seq + 1, self.from_seq)

    def covers(self, seq: int) -> bool:
        """True for a message of the notification; an open one has all from its first on."""
        return seq >= self.first_seq if self.seqs is None else any(seq in part for part in self.seqs)


def claim(session: Session, now: datetime) -> list[DueNotification]:
    """Claim due notifications, of each app an equal share, oldest first.

    They and their participations are locked until the transaction ends.
    """
    return [DueNotification(row[0], row[1], Recipient(*row[2:])) for row in _rows(session, CLAIM, now=now, limit=BATCH)]


def claim_digests(session: Session, now: datetime) -> list[DueNotification]:
    """Claim all due notifications of some readers of digests, reader by reader; SECTIONS of each."""
    rows = _rows(session, _CLAIM_DIGESTS, now=now, limit=DIGESTS, sections=SECTIONS)
    return [DueNotification(row[0], row[1], Recipient(*row[2:]), is_digest=True) for row in rows]


def _rows(session: Session, statement: TextClause, **values: Any) -> list[Sequence[Any]]:
    """Rows of a claim without their due times, which are noted."""
    rows = session.execute(statement, values).all()
    step_times.note(session, QueueName.NOTIFICATIONS, (row.not_before for row in rows))
    return [row[1:] for row in rows]
