"""Phrases that mail clients write around quotes, from locales/*.toml, folded for comparison."""

import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from typing import Any


class Role(StrEnum):
    """The meaning of a line in a quoted header block."""

    FROM = "from"
    TO = "to"
    CC = "cc"
    DATE = "date"
    SUBJECT = "subject"
    REPLY = "reply"


@dataclass(frozen=True, slots=True)
class ClientPhrases:
    """The union of all languages; `wrote` ends an attribution, `wrote_name` precedes a name."""

    on: tuple[str, ...]
    wrote: tuple[str, ...]
    wrote_name: tuple[str, ...]
    original: frozenset[str]
    forwarded: tuple[str, ...]
    sent_from: tuple[str, ...]
    sent_from_end: tuple[str, ...]
    footer: tuple[str, ...]
    above: frozenset[str]
    sign_off: frozenset[str]
    roles: Mapping[str, frozenset[Role]]


_INVISIBLE = [*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF, 0x00AD]
_PLAIN: dict[int, str | None] = dict.fromkeys(_INVISIBLE) | {0xA0: " ", 0x202F: " ", 0x3000: " ", 0x2019: "'"}


def fold(text: str) -> str:
    """Fold text for comparison: NFC, lower case, no invisible characters, single spaces."""
    plain = text.lower() if text.isascii() else unicodedata.normalize("NFC", text).translate(_PLAIN).casefold()
    return " ".join(plain.split())


def _load() -> ClientPhrases:
    """Load the tables installed with the package."""
    folder = files("mailtalk.mail.replies.quotes") / "locales"
    tables = [tomllib.loads(file.read_text("utf-8")) for file in folder.iterdir() if file.name.endswith(".toml")]
    return ClientPhrases(
        on=_union(tables, "on"),
        wrote=_union(tables, "wrote"),
        wrote_name=_union(tables, "wrote_name"),
        original=frozenset(_union(tables, "original")),
        forwarded=_union(tables, "forwarded"),
        sent_from=_union(tables, "sent_from"),
        sent_from_end=_union(tables, "sent_from_end"),
        footer=_union(tables, "footer"),
        above=frozenset(_union(tables, "above")),
        sign_off=frozenset(_union(tables, "sign_off")),
        roles=_roles(tables),
    )


def _union(tables: list[dict[str, Any]], key: str) -> tuple[str, ...]:
    """One list over all languages, longest phrase first, so that a regex takes the longest."""
    words = {fold(word) for table in tables for word in table.get(key, ())}
    return tuple(sorted(words, key=lambda word: (-len(word), word)))


def _roles(tables: list[dict[str, Any]]) -> dict[str, frozenset[Role]]:
    """Map each header word to its possible roles: Spanish "de" is From, Indonesian "ke" is To."""
    roles: dict[str, frozenset[Role]] = {}
    for word, role in _headers(tables):
        roles[word] = roles.get(word, frozenset()) | {role}
    return roles


def _headers(tables: list[dict[str, Any]]) -> Iterator[tuple[str, Role]]:
    for table in tables:
        for role, words in table.get("header", {}).items():
            yield from ((fold(word), Role(role)) for word in words)


PHRASES = _load()
