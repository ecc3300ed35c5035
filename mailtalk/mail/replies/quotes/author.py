"""The author's name by the From header, compared with the names in signatures."""

import re
import unicodedata
from dataclasses import dataclass

from mailtalk.mail.replies.quotes.locales import fold

_WORD = re.compile(r"[^\W\d_]+")
_ANGLE = re.compile(r"<[^<>]*>")
_ADDRESS = re.compile(r"[^\s<>@\"(),]{1,64}(?=@)")
_MOST = 6  # words of a name
_LONGEST = 60  # characters of a name
_CAPITALISED = 5  # words
_FIRST_CJK = "\u1100"  # names without a space


@dataclass(frozen=True, slots=True)
class Author:
    """Words of the author's name; `is_named`: they are a display name, not the local part of an address."""

    words: frozenset[str] = frozenset()
    is_named: bool = False

    @classmethod
    def of(cls, header: str | None) -> "Author":
        """The author by a From header's decoded value."""
        header = (header or "")[:500]
        display = _ANGLE.sub(" ", header)
        if "@" not in display and (words := _words(display)):
            return cls(frozenset(words), is_named=True)
        address = _ADDRESS.search(header)
        return cls(frozenset(_words(address[0])) if address else frozenset())

    def signs(self, name: str) -> bool | None:
        """True if a line is the author's name (any order, initials, first name), False if another's, None if unsure."""
        words = _words(name[:_LONGEST])
        if not words or len(words) > _MOST:
            return False
        whole = [word for word in words if word in self.words and not _is_initial(word)]
        known = len(whole) + sum(map(self._begins, words))
        if whole and 2 * known >= len(words):
            return True
        return None if not self.is_named and is_name(name) else False

    def signs_in_full(self, name: str) -> bool:
        """True if a line is the whole name, not the first name alone."""
        words = set(_words(name[:_LONGEST]))
        is_whole = len(words) > 1 or (words == self.words and min(name.strip(), default="") >= _FIRST_CJK)
        return is_whole and self.is_named and len(words & self.words) == len(words)

    def _begins(self, word: str) -> bool:
        return _is_initial(word) and any(own.startswith(word) for own in self.words)


def is_name(text: str) -> bool:
    """True for one to five capitalised words, or words of a script without capitals, and nothing else."""
    words = text.strip(" ,.*_").split()
    if not 0 < len(words) <= _CAPITALISED or len(text) > _LONGEST or any(c.isdigit() or c in "@:/?!" for c in text):
        return False
    return all(not word[:1].islower() for word in words if len(word) > 3)  # noqa: PLR2004  "de", "van"


def _words(text: str) -> list[str]:
    """Lower-case words without accents, capitals run together and letters apart kept as they are."""
    plain = unicodedata.normalize("NFD", fold(text))
    return _WORD.findall("".join(c for c in plain if not unicodedata.combining(c)))


def _is_initial(word: str) -> bool:
    return len(word) == 1 and word.isascii()
