"""Authenticated Received Chain (RFC 8617): what a sealer noted, and the header fields as dkimpy reads them."""

import re
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

Fields: TypeAlias = Sequence[tuple[bytes, bytes]]

SIGNATURE = b"arc-message-signature"
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"|\((?:[^()\\]|\\.)*\)', re.DOTALL)
_RESULT = re.compile(r"\s*(dmarc|dkim|spf)\s*=\s*(\w+)\b(.*)", re.IGNORECASE | re.DOTALL)
_DOMAINS = {
    "dmarc": re.compile(r"\bheader\.from\s*=\s*([^\s;]+)", re.IGNORECASE),
    "dkim": re.compile(r"\bheader\.[di]\s*=\s*(?:[^\s;@]*@)?([^\s;@]+)", re.IGNORECASE),
    "spf": re.compile(r"\bsmtp\.mailfrom\s*=\s*(?:[^\s;@]*@)?([^\s;@]+)", re.IGNORECASE),
}


class Noted(NamedTuple):
    """Domains that passed each method; `has_dmarc` is False if the sealer found no DMARC record, or did not look."""

    dmarc: list[str]
    dkim: list[str]
    spf: list[str]
    has_dmarc: bool


def noted(value: bytes) -> Noted:
    """Parse ARC-Authentication-Results; comments and quoted strings are no results."""
    passed: dict[str, list[str]] = {"dmarc": [], "dkim": [], "spf": []}
    has_dmarc = False
    for match in filter(None, map(_RESULT.match, _QUOTED.sub("", value.decode("latin-1")).split(";"))):
        method, result, domain = match[1].lower(), match[2].lower(), _DOMAINS[match[1].lower()].search(match[3])
        has_dmarc |= method == "dmarc" and result != "none"
        if result == "pass" and domain:
            passed[method].append(domain[1].lower().rstrip("."))
    return Noted(**passed, has_dmarc=has_dmarc)


def respaced(fields: Fields) -> list[tuple[bytes, bytes]]:
    """Header fields with ARC-Message-Signatures in the spacing that dkimpy finds; their relaxed form is the same."""
    return [(name, _respaced(value) if name.lower() == SIGNATURE else value) for name, value in fields]


def signed_names(fields: Fields, instance: int) -> list[bytes]:
    """Names of the header fields that an instance's ARC-Message-Signature covers."""
    signatures = (value for name, value in fields if name.lower() == SIGNATURE)
    found = next((value for value in signatures if _tag(value, b"i") == b"%d" % instance), b"")
    return [name.strip() for name in _tag(found, b"h").split(b":")]


def _respaced(value: bytes) -> bytes:
    if _tag(value, b"c").startswith(b"simple"):
        return value
    return b" %s\r\n" % b" ".join(value.split())


def _tag(signature: bytes, name: bytes) -> bytes:
    match = re.search(rb"(?:^|;)\s*%s\s*=([^;]*)" % name, signature)
    return match[1].strip() if match else b""
