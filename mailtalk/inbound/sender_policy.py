"""Sender policy: the condition under which a mail to an inbound address counts as the participant's."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mailtalk.mail import address
from mailtalk.vocabulary import SenderPolicy


def is_known(sender: str, mailboxes: Iterable[str]) -> bool:
    """True if the From address is one of these mailboxes, ignoring case and the form of the domain."""
    return address.normal(sender) in map(address.normal, mailboxes)


def domains(mailboxes: Iterable[str]) -> set[str]:
    """Domains of mailboxes, in ASCII."""
    return {address.normal(each).rpartition("@")[2] for each in mailboxes}


def why_not(
    policy: str, senders: Sequence[str], mailboxes: Sequence[str], evidence: Mapping[str, Any] | None
) -> str | None:
    """Reason why the mail is not accepted as the participant's; None if it is."""
    if policy == SenderPolicy.CAPABILITY:
        return None
    if len(senders) != 1 or not is_known(senders[0], mailboxes):
        return "from-not-registered"
    if policy == SenderPolicy.AUTHENTICATED and not (evidence or {}).get("by"):
        return f"not-proven: {_told(evidence)}"
    return None


def _told(evidence: Mapping[str, Any] | None) -> str:
    ways = (f"{way}={result}" for way, result in sorted((evidence or {}).items()) if way != "by")
    return " ".join(ways) or "not-checked"
