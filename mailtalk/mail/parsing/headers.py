"""Header field parsing: unfolding, encoded words (RFC 2047), parameters (RFC 2045, 2231), addresses (RFC 5322 3.4)."""

import binascii
import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from mailtalk.mail.parsing import charsets

_WORD = re.compile(r"=\?([^?*\s]{1,40})(?:\*[^?\s]{0,40})?\?([bBqQ])\?(.*?)\?=", re.DOTALL)
_GAP = re.compile(r"(\?=)\s+(?==\?)")
_SPACE = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_PARAMETER = re.compile(r';\s*([^\s=;"]{1,80})\s*=\s*("(?:[^"\\]|\\.)*"?|[^;]*)', re.DOTALL)
_FOREIGN = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="))
_PIECES = 500_000
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)
_SECTION = re.compile(r"([^*]+)(?:\*(\d{1,3}))?(\*)?")
_ADDRESS_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"?|\((?:[^()\\]|\\.)*\)?|<([^<>]*)>|[,;:]|[^",;:<(]+|.', re.DOTALL)
_ADDR_SPEC = re.compile(r"[^\s@<>\"(),:;]+@[^\s@<>\"(),:;]+")


def raw_text(value: bytes) -> str:
    """Decode a raw field body: UTF-8 (RFC 6532) or windows-1252."""
    return value.decode("ascii") if value.isascii() else charsets.decode(value, None)


def text(value: str) -> str:
    """Decode a field body: unfolded, encoded words decoded, white space collapsed, control characters removed."""
    if "=?" in value:
        value = "".join(_decoded(_GAP.sub(r"\1", value)))
    return clean(value)


def clean(value: str) -> str:
    """Collapse white space to one line and remove control characters."""
    value = _SPACE.sub(" ", value).strip()
    return value if value.isascii() else "".join(c for c in value if unicodedata.category(c) not in {"Cs", "Cc"})


def parameters(value: str) -> tuple[str, dict[str, str]]:
    """The main value in lower case, and the parameters with RFC 2231 continuations and charsets decoded."""
    main, _, _ = value.partition(";")
    pieces: dict[str, list[tuple[int, str, bool]]] = {}
    for name, content in _PARAMETER.findall(value[len(main) :]):
        section = _SECTION.fullmatch(name.lower())
        if section:
            pieces.setdefault(section[1], []).append((int(section[2] or 0), _unquoted(content), bool(section[3])))
    return main.strip().lower(), {name: _joined(sections) for name, sections in pieces.items()}


def addresses(value: str) -> tuple[str, ...]:
    """The addr-specs of an address list; display names, comments and group names are ignored."""
    return tuple(found[0] for mailbox in _mailboxes(value) if (found := _ADDR_SPEC.fullmatch(mailbox)))


def _decoded(value: str) -> Iterator[str]:
    """Decode adjacent encoded words of one charset as one byte string: many clients split inside a character."""
    end, charset, pending = 0, "", b""
    for word in _WORD.finditer(value):
        if pending and (word.start() > end or word[1].lower() != charset):
            yield charsets.decode(pending, charset)
            pending = b""
        yield value[end : word.start()]
        charset, end = word[1].lower(), word.end()
        pending += _word_bytes(word[2].lower(), word[3])
    yield charsets.decode(pending, charset)
    yield value[end:]


def _word_bytes(encoding: str, content: str) -> bytes:
    data = content.encode("utf-8", "surrogateescape")
    if encoding == "q":
        return binascii.a2b_qp(data, header=True)
    return base64(data)


def base64(data: bytes) -> bytes:
    """Decode base64 leniently. Text after the padding is decoded too (line-wise encoders, list footers)."""
    compact = data.translate(None, b" \t\r\n")
    clean = compact.translate(None, _FOREIGN)
    if len(clean) < len(compact) or clean.count(b"=") > _PIECES:
        return _unpadded(clean.partition(b"=")[0])
    return b"".join(map(_unpadded, re.findall(rb"[^=]+", clean)))


def _unpadded(piece: bytes) -> bytes:
    """Decode one piece without padding; a single trailing character (6 bits) is dropped."""
    piece = piece[:-1] if len(piece) % 4 == 1 else piece
    return binascii.a2b_base64(piece + b"=" * (-len(piece) % 4))


def _unquoted(content: str) -> str:
    content = content.strip()
    if content.startswith('"'):
        return _QUOTED_PAIR.sub(r"\1", content[1:].removesuffix('"'))
    return content


def _joined(sections: list[tuple[int, str, bool]]) -> str:
    sections.sort(key=lambda section: section[0])
    if not any(extended for _, _, extended in sections):
        return "".join(content for _, content, _ in sections)
    charset, _, rest = sections[0][1].partition("'")
    first = rest.partition("'")[2] if rest else sections[0][1]
    contents = [first, *(content for _, content, _ in sections[1:])]
    return charsets.decode(b"".join(unquote_to_bytes(content) for content in contents), charset)


def _mailboxes(value: str) -> Iterator[str]:
    angle, bare = None, ""
    for token in _ADDRESS_TOKEN.finditer(value):
        if token[1] is not None:
            if angle is not None:  # two addresses of one name: give both, so that nobody can choose which counts
                yield angle.strip()
            angle = token[1]
        elif token[0] in {",", ";"}:
            yield (bare if angle is None else angle).strip()
            angle, bare = None, ""
        elif token[0] == ":":
            bare = ""
        elif token[0][0] not in '"(':
            bare += token[0]
    yield (bare if angle is None else angle).strip()
