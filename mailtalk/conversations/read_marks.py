"""Read marks: the time of the last message before a participant's first unread message by someone else."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from mailtalk.db import arrays
from mailtalk.ids import ConversationKey, ParticipantKey

# The seq of a participant's first unread message by someone else; NULL if there is none.
_UNREAD = """SELECT min(m.seq) AS seq FROM messages m
    WHERE m.app_id = p.app_id AND m.conversation_id = p.conversation_id AND m.seq > p.read_seq
        AND m.seq <= coalesce(p.view_seq, m.seq) AND m.sender_id IS DISTINCT FROM p.user_id"""
# The time of the newest message before `seq`.
_BEFORE = """SELECT m.created_at FROM messages m
    WHERE m.app_id = c.app_id AND m.conversation_id = c.id AND m.seq < {seq} ORDER BY m.seq DESC LIMIT 1"""


class ReadMark(NamedTuple):
    """Read state of a participant; `until` is None if nothing has been read."""

    is_unread: bool
    until: datetime | None


def of_participants(session: Session, keys: Iterable[ParticipantKey]) -> Mapping[ParticipantKey, ReadMark]:
    """Read state of each of these participants, in one statement."""
    rows = session.execute(
        text(f"""
        SELECT p.app_id, p.conversation_id, p.user_id, unread.seq IS NOT NULL,
            ({_BEFORE.format(seq="coalesce(unread.seq, p.view_seq + 1, c.last_seq + 1)")})
        FROM unnest(CAST(:apps AS text[]), CAST(:ids AS text[]), CAST(:users AS text[])) AS k (app_id, id, user_id)
        JOIN participations p ON p.app_id = k.app_id AND p.conversation_id = k.id AND p.user_id = k.user_id
        JOIN conversations c ON c.app_id = k.app_id AND c.id = k.id
        CROSS JOIN LATERAL ({_UNREAD}) AS unread"""),  # noqa: S608  ours
        arrays.of_participants(keys),
    )
    return {ParticipantKey.of(*row[:3]): ReadMark(row[3], row[4]) for row in rows}


def of_everyone(session: Session, keys: Iterable[ConversationKey]) -> Mapping[ConversationKey, datetime | None]:
    """Time up to which all participants have read each of these conversations; None if nothing has been read by all."""
    rows = session.execute(
        text(f"""
        SELECT c.app_id, c.id, ({_BEFORE.format(seq="everyone.seq")})
        FROM unnest(CAST(:apps AS text[]), CAST(:ids AS text[])) AS k (app_id, id)
        JOIN conversations c ON c.app_id = k.app_id AND c.id = k.id
        CROSS JOIN LATERAL (
            SELECT min(coalesce(unread.seq, c.last_seq + 1)) AS seq
            FROM participations p CROSS JOIN LATERAL ({_UNREAD}) AS unread
            WHERE p.app_id = c.app_id AND p.conversation_id = c.id AND p.present
                AND p.access <> 'None') AS everyone"""),  # noqa: S608  ours
        arrays.of_conversations(keys),
    )
    return {ConversationKey(*row[:2]): row[2] for row in rows}
