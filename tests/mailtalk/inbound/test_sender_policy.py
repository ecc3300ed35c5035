"""Whose mail is the participant's."""

from typing import Any

import pytest

from mailtalk.inbound.sender_policy import is_known, why_not
from mailtalk.mail import address
from mailtalk.vocabulary import SenderPolicy

CAPABILITY, MATCH, AUTHENTICATED = SenderPolicy
MINE = ["Bob@Example.com", "bob@bücher.example"]
PROVEN = {"spf": "none", "dkim": "pass", "arc": "none", "by": "dkim"}
FORGED = {"spf": "fail", "dkim": "none", "arc": "none", "by": None}


@pytest.mark.parametrize(
    ("sender", "known"),
    [
        ("bob@example.com", True),
        ("BOB@EXAMPLE.COM", True),
        ("bob@xn--bcher-kva.example", True),
        ("bob@BÜCHER.example", True),
        ("bob@bu\u0308cher.example", True),  # the same letter, written as two
        ("bob@bucher.example", False),
        ("bob@example.com.evil.example", False),
        ("bob@mail.example.com", False),
        ("eve@example.com", False),
        ("bob", False),
        ("", False),
    ],
)
def test_an_address_is_known_however_it_is_written(sender: str, known: bool) -> None:
    assert is_known(sender, MINE) is known


@pytest.mark.parametrize(
    ("policy", "senders", "evidence", "reason"),
    [
        (CAPABILITY, ["eve@evil.example"], None, None),
        (CAPABILITY, [], FORGED, None),
        (MATCH, ["bob@example.com"], None, None),
        (MATCH, ["bob@example.com"], FORGED, None),
        (MATCH, ["eve@evil.example"], PROVEN, "from-not-registered"),
        (MATCH, ["bob@example.com", "eve@evil.example"], PROVEN, "from-not-registered"),
        (AUTHENTICATED, ["bob@example.com"], PROVEN, None),
        (AUTHENTICATED, ["bob@example.com"], FORGED, "not-proven: arc=none dkim=none spf=fail"),
        (AUTHENTICATED, ["bob@example.com"], {"dns": "temperror"}, "not-proven: dns=temperror"),
        (AUTHENTICATED, ["bob@example.com"], None, "not-proven: not-checked"),
        (AUTHENTICATED, ["eve@evil.example"], PROVEN, "from-not-registered"),
    ],
)
def test_policies(policy: str, senders: list[str], evidence: dict[str, Any] | None, reason: str | None) -> None:
    assert why_not(policy, senders, MINE, evidence) == reason


def test_who_has_no_address_is_nobody() -> None:
    assert why_not(MATCH, ["bob@example.com"], [], PROVEN) == "from-not-registered"


@pytest.mark.parametrize(
    "mailbox", ["", "@", "x@", "a@[1.2.3.4]", "a@b..c", "a@-x-.example", "a@" + "x" * 300, "\ud800@x"]
)
def test_what_is_no_address_has_a_form_too(mailbox: str) -> None:
    assert address.normal(mailbox) == address.normal(mailbox.upper())
