"""Selection: whom a window's messages are mailed to, and why others are not, in set-based statements."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from mailtalk.db.arrays import of_participants
from mailtalk.ids import ParticipantKey
from mailtalk.models import Conversation
from mailtalk.notifications import frequency

MENTION = timedelta(seconds=5)  # the wait of who is mentioned, where the conversation's own is longer

# What is settled by a mail that is being made just now must not be settled here too: this waits for it. New ones are
# opened under the conversation's lock only, which we have.
_AWAIT = text("""
    SELECT 1 FROM notifications WHERE app_id = :app AND conversation_id = :conversation AND status = 'open'
    ORDER BY id FOR UPDATE""")

_ZONES = text(f"""
    SELECT DISTINCT u.time_zone FROM participations p JOIN apps a ON a.id = p.app_id
    JOIN users u ON u.app_id = p.app_id AND u.id = p.user_id
    WHERE p.app_id = :app AND p.conversation_id = :conversation AND {frequency.FREQUENCY} = 'daily'
        AND u.time_zone IS NOT NULL""")  # noqa: S608  ours

# Who wrote or is mentioned is judged message by message, all others by their own setting alone, so that the work is
# about the participants plus the messages, not their product. The rule is that of `notify.why_not`; a test holds them
# together.
_SETTLE = text(f"""
    WITH written AS MATERIALIZED (
        SELECT seq, sender_id, mentions FROM messages
        WHERE app_id = :app AND conversation_id = :conversation AND seq >= :from_seq
            AND type = 'UserMessage' AND origin <> 'import'),
    every AS (SELECT range_agg(int8range(seq, seq + 1)) AS seqs FROM written),
    named AS (SELECT sender_id AS user_id FROM written UNION SELECT unnest(mentions) FROM written),
    person AS MATERIALIZED (
        SELECT p.user_id, p.notify, p.read_seq, p.mailed_seq, named.user_id IS NOT NULL AS is_named,
            CASE WHEN p.mute_until > :now THEN 'muted' WHEN p.notify = 'Off' THEN 'notify-off' END AS barred,
            {frequency.NOT_BEFORE} AS not_before,
            EXISTS (SELECT 1 FROM notifications n WHERE n.app_id = p.app_id AND n.conversation_id = p.conversation_id
                AND n.user_id = p.user_id AND n.status = 'open') AS has_open
        FROM participations p JOIN apps a ON a.id = p.app_id LEFT JOIN named ON named.user_id = p.user_id
        WHERE p.app_id = :app AND p.conversation_id = :conversation AND p.present AND p.access <> 'None'),
    verdict AS (
        SELECT user_id, not_before, has_open, v.reason, v.seqs FROM person, every, LATERAL (VALUES
            ('already-read', seqs * int8multirange(int8range(mailed_seq + 1, greatest(mailed_seq, read_seq) + 1))),
            (coalesce(barred, CASE notify WHEN 'MentionsOnly' THEN 'not-mentioned' END),
                seqs * int8multirange(int8range(greatest(mailed_seq, read_seq) + 1, NULL)))) AS v (reason, seqs)
        WHERE NOT is_named AND NOT isempty(v.seqs)
        UNION ALL
        SELECT user_id, not_before, has_open, r.reason, range_agg(int8range(seq, seq + 1)) FROM person
        JOIN written ON seq > mailed_seq, LATERAL (SELECT CASE
            WHEN sender_id = user_id THEN 'own-message'
            WHEN seq <= read_seq THEN 'already-read'
            WHEN barred IS NOT NULL THEN barred
            WHEN notify = 'MentionsOnly' AND NOT user_id = ANY(mentions) THEN 'not-mentioned' END AS reason) AS r
        WHERE is_named GROUP BY user_id, not_before, has_open, r.reason),
    judged AS MATERIALIZED (
        SELECT *, has_open OR bool_or(reason IS NULL) OVER (PARTITION BY user_id) AS is_told FROM verdict),
    opened AS (
        INSERT INTO notifications (app_id, conversation_id, user_id, from_seq, not_before, created_at)
        SELECT :app, :conversation, user_id, :from_seq, not_before, :now FROM judged WHERE reason IS NULL
        ON CONFLICT (app_id, conversation_id, user_id) WHERE status = 'open'
            DO UPDATE SET not_before = least(notifications.not_before, excluded.not_before),
                from_seq = least(notifications.from_seq, excluded.from_seq))
    INSERT INTO notifications
        (app_id, conversation_id, user_id, status, reason, seqs, from_seq, not_before, created_at, ended_at)
    SELECT :app, :conversation, user_id, 'cancelled', reason, seqs, lower(seqs), :now, :now, :now FROM judged
    WHERE NOT is_told""")  # noqa: S608  ours

_HASTEN = text(f"""
    INSERT INTO notifications (app_id, conversation_id, user_id, from_seq, not_before, created_at)
    SELECT p.app_id, p.conversation_id, p.user_id, c.window_from_seq,
        CASE {frequency.FREQUENCY} WHEN 'immediately' THEN :now ELSE least(:soon, c.window_due_at) END, :now
    FROM participations p JOIN apps a ON a.id = p.app_id
    JOIN conversations c ON c.app_id = p.app_id AND c.id = p.conversation_id
    WHERE p.app_id = :app AND p.conversation_id = :conversation AND p.present AND p.access <> 'None'
        AND (p.mute_until IS NULL OR p.mute_until <= :now) AND p.user_id IN (
            SELECT unnest(CAST(:mentioned AS text[])) UNION
            SELECT i.user_id FROM participations i WHERE i.app_id = :app AND i.conversation_id = :conversation
                AND i.frequency <> 'default' AND i.frequency = 'immediately' AND i.user_id IS DISTINCT FROM :author
            UNION SELECT d.user_id FROM participations d WHERE d.app_id = :app AND d.conversation_id = :conversation
                AND d.frequency = 'default' AND d.user_id IS DISTINCT FROM :author
                AND (SELECT frequency FROM apps WHERE id = :app) = 'immediately')
        AND {frequency.FREQUENCY} IN ('default', 'immediately')
        AND (p.notify = 'All' OR p.notify = 'MentionsOnly' AND p.user_id = ANY(CAST(:mentioned AS text[])))
    ORDER BY p.user_id
    ON CONFLICT (app_id, conversation_id, user_id) WHERE status = 'open'
        DO UPDATE SET not_before = least(notifications.not_before, excluded.not_before),
            from_seq = least(notifications.from_seq, excluded.from_seq)""")  # noqa: S608  ours

_REPACED = """ FROM unnest(CAST(:apps AS text[]), CAST(:ids AS text[]), CAST(:users AS text[]))
        AS who (app_id, conversation_id, user_id)
    JOIN participations p USING (app_id, conversation_id, user_id) JOIN apps a ON a.id = p.app_id"""
_REPACED_ZONES = text(f"""SELECT DISTINCT u.time_zone {_REPACED}
    JOIN users u ON u.app_id = p.app_id AND u.id = p.user_id
    WHERE {frequency.FREQUENCY} = 'daily' AND u.time_zone IS NOT NULL""")
_REPACE = text(f"""UPDATE notifications n SET not_before = {frequency.NOT_BEFORE} {_REPACED}
    WHERE n.app_id = p.app_id AND n.conversation_id = p.conversation_id AND n.user_id = p.user_id
        AND n.status = 'open'""")  # noqa: S608  ours


def settle(session: Session, conversation: Conversation, now: datetime) -> None:
    """Settle the messages of a locked conversation's window for everybody who takes part.

    Whoever is to be mailed one has an open notification then, about all of them; who has one already is told by that
    one; for the others there is a row for each reason, with its messages.
    """
    place = {"app": conversation.app_id, "conversation": conversation.id}
    session.execute(_AWAIT, place)
    moments = frequency.moments(now, session.scalars(_ZONES, place))
    session.execute(_SETTLE, place | moments | {"from_seq": conversation.window_from_seq})


def hasten(
    session: Session, conversation: Conversation, now: datetime, *, mentioned: list[str], author: str | None
) -> None:
    """Let those whom new messages mention, and those who are mailed immediately, not wait for the window's close.

    `author` is who wrote all of them, if one did. The window must be open. Who chose a digest waits for it.
    """
    values: dict[str, Any] = {"app": conversation.app_id, "conversation": conversation.id, "now": now}
    session.execute(_HASTEN, values | {"soon": now + MENTION, "mentioned": mentioned, "author": author})


def repace(session: Session, now: datetime, people: list[ParticipantKey]) -> None:
    """Let the open notifications of those who changed their frequency wait as the new one says."""
    values = of_participants(people)
    moments = frequency.moments(now, session.scalars(_REPACED_ZONES, values))
    session.execute(_REPACE, values | moments)
