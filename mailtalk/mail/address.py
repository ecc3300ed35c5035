"""Reply addresses: 26 secret base32 characters and 4 check characters, verifiable without a look-up.

They are the whole local part, or its tag behind a plus sign (RFC 5233) at the only mailbox that there is.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

import idna

from mailtalk.keys import Key, Keyring
from mailtalk.mail import base32
from mailtalk.vocabulary import Purpose

TOKEN_CHARS = 26  # 130 bits
CHECK_CHARS = 4  # 20 bits
LOCAL_CHARS = TOKEN_CHARS + CHECK_CHARS
_LOCAL_PART = re.compile(
    rf"(?:(?<![a-z2-7])|(?<=%2b))(?:[a-z2-7]{{{LOCAL_CHARS}}}|b[a-z2-7]{{39}})(?=@)", re.IGNORECASE
)  # or verp's
_ALPHABET = frozenset("abcdefghijklmnopqrstuvwxyz234567")


@dataclass(frozen=True, slots=True)
class AddressScheme:
    """Form of the addresses that we issue: token@domain, or mailbox+token@domain. Both forms are accepted."""

    domain: str
    mailbox: str = ""

    def address(self, token: str) -> str:
        """Address with a token of ours, of a participant or a bounce."""
        return f"{self.mailbox}+{token}@{self.domain}" if self.mailbox else f"{token}@{self.domain}"


def token(key: Key, participation_id: UUID, generation: int, purpose: Purpose) -> str:
    """Derive the local part for one generation of a participation's address, in lower case."""
    seed = b"%b/%d/%b" % (participation_id.bytes, generation, purpose.encode())
    secret = base32.encode(key.derive(b"issue", seed), TOKEN_CHARS)
    return secret + _check(key, secret)


def signer(keyring: Keyring, local: str) -> Key | None:
    """Return the key whose check characters the local part carries, or None if it is not one of ours."""
    if len(local) != LOCAL_CHARS or not _ALPHABET.issuperset(local):
        return None
    secret, check = local[:TOKEN_CHARS], local[TOKEN_CHARS:]
    return keyring.signer(check, lambda key: _check(key, secret))


def is_local_part(local: str) -> bool:
    """True if a local part has the form of one of ours, or of verp's, whoever made it."""
    match = _LOCAL_PART.match(f"{local}@")
    return match is not None and match[0] == local


def lookup(key: Key, local: str) -> bytes:
    """Derive the database's look-up key for a local part: 32 bytes, not reversible."""
    return key.derive(b"lookup", local.encode())


def split(mailbox: str) -> tuple[str, str]:
    """Split a mailbox into (local part, domain), both lower case; the domain is empty if there is none."""
    local, _, domain = mailbox.strip().lower().rpartition("@")
    return (local, domain) if local else (domain, "")


def token_of(mailbox: str) -> tuple[str, str]:
    """Split a mailbox of either scheme into (token, domain), both lower case; the token may be anything."""
    local, domain = split(mailbox)
    return local.rpartition("+")[2], domain


def normal(mailbox: str) -> str:
    """Normalize a mailbox for comparison: lower case, domain in ASCII (RFC 5891)."""
    local, domain = split(unicodedata.normalize("NFC", mailbox))
    return f"{local}@{_ascii(domain)}"


def distinct(mailboxes: Iterable[str]) -> list[str]:
    """Mailboxes in order, without those that differ only in case or in the form of their domain."""
    first: dict[str, str] = {}
    for mailbox in mailboxes:
        first.setdefault(normal(mailbox), mailbox)
    return list(first.values())


def masked(mailbox: str) -> str:
    """Mailbox that its owner recognises and nobody else learns: b•••@example.com."""
    local, at, domain = mailbox.rpartition("@")
    return f"{local[:1] if len(local) > 1 else ''}•••{at}{domain}"


def hidden(text: str) -> str:
    """Replace every possible local part of ours by "(hidden)": text from others may quote one."""
    return _LOCAL_PART.sub("(hidden)", text)


@lru_cache(maxsize=4_096)  # half a millisecond each, and most mailboxes are at few domains
def _ascii(domain: str) -> str:
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError:
        return domain


def _check(key: Key, secret: str) -> str:
    return base32.encode(key.derive(b"check", secret.encode()), CHECK_CHARS)
