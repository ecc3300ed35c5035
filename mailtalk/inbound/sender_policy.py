"""Sender policy: whose mail to an inbound address is the participant's."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mailtalk.mail import address
from mailtalk.vocabulary import SenderPolicy


def is_known(sender: str, mailboxes: Iterable[str]) -> bool:
    """Whether the From address is one of these, whatever its case and however its domain is written."""
    return address.normal(sender) in map(address.normal, mailboxes)


def domains(mailboxes: Iterable[str]) -> set[str]:
    """The domains of mailboxes, in ASCII."""
    return {address.normal(each).rpartition("@")[2] for each in mailboxes}


def why_not(
    policy: str, senders: Sequence[str], mailboxes: Sequence[str], evidence: Mapping[str, Any] | None
) -> str | None:
    """Why the mail is not taken for the participant's; None when it is."""
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
