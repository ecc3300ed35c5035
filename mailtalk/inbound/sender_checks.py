"""Sender checks: DNS queries about a mail's sender, made before its decision, while nothing is locked."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from mailtalk.inbound import sender_policy
from mailtalk.inbound.authentication import Evidence, ReceivedMail, from_domain
from mailtalk.inbound.claim import ClaimedMail
from mailtalk.inbound.context import InboundContext
from mailtalk.inbound.decision import Decision
from mailtalk.mail import address
from mailtalk.mail.parsing import limits
from mailtalk.vocabulary import Outcome

UNANSWERED = "dns-temperror"
NO_ANSWER = {"dns": "temperror"}
PATIENCE = timedelta(days=2)  # then it goes to quarantine, for a person to decide
SHORTEST, LONGEST = timedelta(seconds=10), timedelta(minutes=15)  # between two attempts
_MAILBOXES = text("""
    SELECT m.id, u.emails || u.accepted_senders AS senders
    FROM unnest(CAST(:mails AS bigint[]), CAST(:apps AS text[]), CAST(:users AS text[])) AS m (id, app_id, user_id)
    JOIN users u ON u.app_id = m.app_id AND u.id = m.user_id""")


def mailboxes(session: Session, mails: Sequence[ClaimedMail]) -> Mapping[int, Sequence[str]]:
    """Registered and accepted addresses of the participants whose mails need authentication, by mail id."""
    unproven = [mail for mail in mails if mail.needs_proof]
    if not unproven:
        return {}
    values = {
        "mails": [mail.id for mail in unproven],
        "apps": [mail.app_id for mail in unproven],
        "users": [mail.user_id for mail in unproven],
    }
    return {row.id: row.senders or () for row in session.execute(_MAILBOXES, values)}


def recipients(context: InboundContext, mail: ClaimedMail) -> frozenset[str]:
    """Forms of the inbound address that a mail was sent to, one for each key."""
    if mail.participation_id is None or mail.generation is None:
        return frozenset()
    tokens = (address.token(key, mail.participation_id, mail.generation, mail.purpose) for key in context.keyring.keys)
    return frozenset(f"{token}@{context.domain}" for token in tokens)


def evidence(context: InboundContext, claim: ReceivedMail, mailboxes: Sequence[str]) -> Evidence:
    """Evidence of the sender; empty unless the From domain is one of the participant's registered addresses.

    Unanswered if it depends on the DNS, which did not answer.
    """
    try:
        limits.check(claim.raw)
    except limits.LimitExceeded:
        return Evidence()
    domain = from_domain(claim.raw)
    if domain is None or context.authenticator is None or domain not in sender_policy.domains(mailboxes):
        return Evidence()
    return context.authenticator.evidence(claim, domain)


def is_over(mail: ClaimedMail, now: datetime) -> bool:
    """True once the DNS has not answered for two days."""
    return now - mail.received_at > PATIENCE


def postpone(mail: ClaimedMail, now: datetime) -> Decision:
    """Put the mail back into the queue, with a growing delay."""
    wait = min(max((now - mail.received_at) / 2, SHORTEST), LONGEST)
    return Decision(outcome=Outcome.RECEIVED, reason=UNANSWERED, not_before=now + wait)
