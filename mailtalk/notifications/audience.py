"""Who reads a conversation, for the line that says where a reply goes; and the own message that a mail answers."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy.orm import Session

from mailtalk.db import arrays, sql
from mailtalk.ids import ConversationKey, ParticipantKey
from mailtalk.participation.notify import TAKES_PART

NAMED = 3  # readers; of more, all but one are counted

_AUDIENCES = sql.statement(
    """
    -- Readers of each conversation: their number, and the first ones: those who wrote the messages, then by joining.
    SELECT k.app_id, k.conversation_id, a.first, a.size
    FROM unnest(CAST(:apps AS text[]), CAST(:ids AS text[]), CAST(:authors AS text[]))
        AS k (app_id, conversation_id, authors)
    CROSS JOIN LATERAL (
        SELECT count(*) AS size, (array_agg(p.user_id ORDER BY
            jsonb_exists(CAST(k.authors AS jsonb), p.user_id) DESC, p.joined_at, p.user_id))[1:$first] AS first
        FROM participations p
        WHERE p.app_id = k.app_id AND p.conversation_id = k.conversation_id AND $takes_part) AS a""",
    takes_part=TAKES_PART,
    first=str(NAMED + 1),
)
_ANSWERED = sql.statement("""
    -- Each reader's own message right before the first one that is mailed to them.
    SELECT k.app_id, k.conversation_id, k.user_id, m.seq
    FROM unnest(CAST(:apps AS text[]), CAST(:ids AS text[]), CAST(:users AS text[]), CAST(:seqs AS bigint[]))
        AS k (app_id, conversation_id, user_id, seq)
    CROSS JOIN LATERAL (
        SELECT seq, sender_id, type FROM messages
        WHERE app_id = k.app_id AND conversation_id = k.conversation_id AND seq < k.seq
        ORDER BY seq DESC LIMIT 1) AS m
    WHERE m.sender_id = k.user_id AND m.type = $MessageType.USER""")


class Audience(NamedTuple):
    """Readers of a conversation: the ids of the first ones, and the number of all."""

    first: Sequence[str] = ()
    size: int = 0

    def others(self, user_id: str, *, takes_part: bool) -> tuple[Sequence[str], int]:
        """Readers beside this one: those to be named, and the number of the rest."""
        others, count = [each for each in self.first if each != user_id], self.size - takes_part
        named = others[:count] if count <= NAMED else others[: NAMED - 1]
        return named, count - len(named)


def audiences(session: Session, authors: Mapping[ConversationKey, Iterable[str]]) -> dict[ConversationKey, Audience]:
    """Audience of each conversation; `authors` come first."""
    encoded = [msgspec.json.encode(sorted(set(ids))).decode() for ids in authors.values()]
    rows = session.execute(_AUDIENCES, arrays.of_conversations(authors) | {"authors": encoded})
    return {ConversationKey(row[0], row[1]): Audience(row.first or (), row.size) for row in rows}


def answered(session: Session, first: Mapping[ParticipantKey, int]) -> dict[ParticipantKey, int]:
    """Number of each reader's own message that their mail answers; `first` is that of the first message mailed."""
    rows = session.execute(_ANSWERED, arrays.of_participants(first) | {"seqs": list(first.values())})
    return {ParticipantKey.of(row.app_id, row.conversation_id, row.user_id): row.seq for row in rows}
