"""Header blocks (From:, Sent:, To:, Subject:) above a quote without prefixes, as Outlook writes them."""

import re
from collections.abc import Iterator

from mailtalk.mail.replies.quotes.line_kinds import Kind
from mailtalk.mail.replies.quotes.locales import PHRASES, Role

_FIELD = re.compile(r"[\s*_>|•-]{0,8}(?P<word>[^:\uff1a]{1,24}?)[\s*_]{0,4}[:\uff1a]")
_TIME = re.compile(r"\d{4}\D.{0,40}?\d{1,2}\s?[:.]\s?\d\d|\d{1,2}[:.]\d\d.{0,40}?\d{4}")
_WRITER = re.compile(r"[^:\uff1a]{1,24}[:\uff1a][^<>]{0,100}<[^\s@<>]{1,64}@[^\s@<>]{1,100}>")
_FIELDS = 4  # lines of a block in a language that we do not know
_LONGEST = 14  # lines of a block
_WIDTH = 200  # characters of a header that are looked at
_GAP = 2  # lines that a folded header may take more


def blocks(folded: list[str], letters: list[str]) -> Iterator[range]:
    """Find the header blocks, as ranges of lines; `folded` and `letters` are parallel."""
    roles = [_roles(line) if letter == Kind.TEXT else frozenset() for line, letter in zip(folded, letters, strict=True)]
    start = 0
    while start < len(folded):
        block = _block(roles, letters, start) if roles[start] else range(0)
        found = block if len(block) > 1 and _convinces(folded, roles, block) else _foreign(folded, letters, start)
        if found:
            yield found
        is_list = len(block) > 1 and letters[block.stop : block.stop + 1] == [Kind.EMPTY]
        start = found.stop if found else block.stop if is_list else start + 1


def _foreign(folded: list[str], letters: list[str], start: int) -> range:
    """A block in an unknown language: only fields, the first with an address, one with a time."""
    above = letters[start - 1] if start else Kind.EMPTY
    if above == Kind.TEXT or not _WRITER.match(folded[start][:_WIDTH]):
        return range(0)
    stop = start
    while stop < min(start + _LONGEST, len(folded)) and letters[stop] == Kind.TEXT and _FIELD.match(folded[stop][:60]):
        stop += 1
    dated = any(_TIME.search(line[:_WIDTH]) for line in folded[start:stop])
    return range(start, stop) if dated and stop - start >= _FIELDS else range(0)


def _roles(folded: str) -> frozenset[Role]:
    """The headers that a line may stand for."""
    field = _FIELD.match(folded[:60]) if ":" in folded or "\uff1a" in folded else None
    return PHRASES.roles.get(field["word"].strip(), frozenset()) if field else frozenset()


def _block(roles: list[frozenset[Role]], letters: list[str], start: int) -> range:
    """Extend the block over folded lines and single blank ones."""
    last = start
    for index in range(start + 1, min(start + _LONGEST, len(roles))):
        if roles[index]:
            last = index
        elif letters[index] == Kind.EMPTY and last == index - 1 and last > start and roles[last - 1]:
            break  # a blank line ends a block whose lines follow each other
        elif index - last > _GAP or letters[index] not in (Kind.TEXT, Kind.EMPTY):
            break
    return range(start, last + 1)


def _convinces(folded: list[str], roles: list[frozenset[Role]], block: range) -> bool:
    """True for a sender or a date, and for evidence that no other list has: a subject, an address, a full time."""
    found = frozenset[Role]().union(*(roles[index] for index in block))
    words = "\n".join(folded[index][:_WIDTH] for index in block)
    if Role.FROM not in found and not {Role.DATE, Role.TO} <= found:
        return False
    if Role.SUBJECT in found or "@" in words:
        return True
    return {Role.FROM, Role.TO, Role.DATE} <= found and bool(_TIME.search(words))
