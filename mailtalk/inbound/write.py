"""Writing decisions: messages, files, changes, events, notices and outcomes of a batch are written only here."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from mailtalk import files
from mailtalk.conversations import batch_post
from mailtalk.db.bulk import encode, records
from mailtalk.events import record as event_log
from mailtalk.ids import ConversationKey
from mailtalk.inbound import notices, unsubscribe
from mailtalk.inbound.claim import ClaimedMail
from mailtalk.inbound.context import InboundContext
from mailtalk.inbound.decision import Decision
from mailtalk.inbound.mail_in_hand import MailInHand
from mailtalk.models import Conversation, InboundMail, Message
from mailtalk.outbound import bounces, suppressions
from mailtalk.vocabulary import Outcome

_OUTCOMES = text(f"""
    UPDATE inbound_mails m SET purpose = r.purpose, participation_id = r.participation_id, generation = r.generation,
        app_id = r.app_id, conversation_id = r.conversation_id, user_id = r.user_id,
        delivery_id = r.delivery_id, outcome = r.outcome, verdict = r.verdict, reason = r.reason, flag = r.flag,
        evidence = r.evidence, fingerprint = r.fingerprint, said_hash = r.said_hash, message_id = r.message_id,
        posted_as = r.posted_as, processed_at = r.processed_at, not_before = r.not_before, worker_id = NULL
    FROM {records(InboundMail)} r
    WHERE m.id = r.id AND m.worker_id = :worker AND m.outcome = 'received'
    RETURNING m.id""")  # noqa: S608  ours


class ClaimLost(Exception):
    """Another worker has claimed a mail of the batch, since this one seemed dead: nothing of the batch is written."""


class Decided(NamedTuple):
    """A mail with its decision; `hand` is None if the mail could not be read."""

    mail: ClaimedMail
    decision: Decision
    hand: MailInHand | None = None


def write(  # noqa: PLR0913, PLR0917  a batch, and whose it is
    session: Session,
    context: InboundContext,
    now: datetime,
    worker_id: int,
    conversations: Mapping[ConversationKey, Conversation],
    decided: Sequence[Decided],
) -> list[Decided]:
    """Write a batch; returns it as written. ClaimLost if this worker has lost a mail's claim."""
    decided = _accept_unsubscribes(session, now, decided)
    posted = _post(session, context, now, conversations, decided)
    reports = [each.decision.report for each in decided if each.decision.report]
    bounces.write(session, now, reports, context.suppress)
    notices.make(session, context, now, [(each.hand, each.decision) for each in decided if each.hand])
    event_log.record_many(session, [event for each in decided for event in each.decision.events], now)
    session.flush()
    rows = [_row(each, now, posted.get(each.mail.id)) for each in decided]
    written = session.execute(_OUTCOMES, {"rows": encode(rows), "worker": worker_id}).all()
    if len(written) < len(decided):
        raise ClaimLost
    return decided


def _accept_unsubscribes(session: Session, now: datetime, decided: Sequence[Decided]) -> list[Decided]:
    refused = unsubscribe.accept(session, now, [each.mail for each in decided if each.decision.unsubscribes])
    return [
        each._replace(decision=unsubscribe.refused(each.decision)) if each.mail.id in refused else each
        for each in decided
    ]


def _post(
    session: Session,
    context: InboundContext,
    now: datetime,
    conversations: Mapping[ConversationKey, Conversation],
    decided: Sequence[Decided],
) -> dict[int, Message]:
    """First message posted from each mail, by mail id."""
    posting = [each for each in decided if each.decision.drafts]
    posts = [(conversations[each.mail.conversation], each.decision.drafts) for each in posting]
    posted = batch_post.post_many(session, now, context.pace, posts)
    for each, messages in zip(posting, posted, strict=True):
        for message, file in zip(messages, each.decision.files, strict=False):
            files.keep(session, context.keyring, message, file)
    authors = [
        (each.mail.app_id or "", each.mail.user_id or "", each.decision.released_address or "") for each in posting
    ]
    suppressions.release_own(session, authors)
    return {each.mail.id: messages[0] for each, messages in zip(posting, posted, strict=True)}


def _row(decided: Decided, now: datetime, message: Message | None) -> dict[str, Any]:
    mail, decision, about = decided.mail, decided.decision, decided.decision.about
    whose = mail if mail.app_id is not None or about is None else about
    is_waiting = decision.outcome is Outcome.RECEIVED
    return {
        "id": mail.id,
        "purpose": mail.purpose,
        "participation_id": mail.participation_id,
        "generation": mail.generation,
        "app_id": whose.app_id,
        "conversation_id": whose.conversation_id,
        "user_id": whose.user_id,
        "delivery_id": about.id if about else mail.delivery_id,
        "outcome": decision.outcome,
        "verdict": mail.verdict if is_waiting else decision.verdict,
        "reason": decision.reason,
        "flag": decision.flag,
        "evidence": decision.evidence,
        "fingerprint": decision.fingerprint,
        "said_hash": decision.said_hash,
        "message_id": decision.message_id,
        "posted_as": message.id if message else None,
        "processed_at": None if is_waiting else now,
        "not_before": decision.not_before,
    }
