"""Proofs: who sent a mail is found out before it is processed, while nothing is locked that others wait for."""

from datetime import datetime, timedelta

import msgspec
from sqlalchemy.orm import Session

from mailtalk.inbound import sender_policy
from mailtalk.inbound.authentication import Claim, Evidence, from_domain
from mailtalk.inbound.context import Desk
from mailtalk.inbound.dns import Unanswered
from mailtalk.inbound.receive import RAW_SEAL
from mailtalk.mail.parsing import limits
from mailtalk.models import InboundMail, RawMail, User

UNANSWERED = "dns-temperror"
PATIENCE = timedelta(days=2)  # then a person decides
SHORTEST, LONGEST = timedelta(seconds=10), timedelta(minutes=15)  # between two tries
# Of these mails, as m, it is to be found out.
WANTED = """coalesce(m.purpose = 'reply' AND m.evidence IS NULL AND m.released_at IS NULL
    AND (SELECT sender_policy FROM apps WHERE id = m.app_id) = 'authenticated', false)"""


def seek(session: Session, desk: Desk, now: datetime, row: InboundMail) -> None:
    """Note the evidence; what the DNS did not answer is asked again later, for two days."""
    try:
        row.evidence, row.reason = msgspec.to_builtins(_found(session, desk, row)), None
    except Unanswered:
        row.reason = UNANSWERED
        row.not_before = now + min(max((now - row.received_at) / 2, SHORTEST), LONGEST)
        if now - row.received_at > PATIENCE:
            row.evidence, row.reason, row.not_before = {"dns": "temperror"}, None, None
    session.flush()


def _found(session: Session, desk: Desk, row: InboundMail) -> Evidence:
    """Nothing, unless it says to be from where the user has mail: else no proof could make it theirs."""
    raw = session.get_one(RawMail, row.raw_id)
    user = session.get_one(User, (row.app_id, row.user_id))
    claim = Claim(desk.keyring.unseal(raw.sealed, about=RAW_SEAL), raw.mail_from, raw.client_ip, raw.helo)
    try:
        limits.check(claim.raw)
    except limits.LimitExceeded:
        return Evidence()
    domain = from_domain(claim.raw)
    if domain is None or desk.authenticator is None or domain not in sender_policy.domains(user.emails or ()):
        return Evidence()
    return desk.authenticator.evidence(claim, domain)
