"""Bytes to text as in browsers: a label stands for its superset, valid UTF-8 wins, invalid bytes are replaced."""

import codecs
import re

from mailtalk.mail.parsing import iso2022jp
from mailtalk.mail.parsing.charset_labels import codec

# Escape sequences in seven bits: such text looks like ASCII.
_ESCAPE = re.compile(rb"\x1b(?:\$[@AB]|\$\([A-DO-Q]|\([BIJ])")
_KOREAN = re.compile(rb"\x1b\$\)C")
_WIDE = {"utf_16", "utf_16_le", "utf_16_be", "utf_32", "utf_32_le", "utf_32_be"}
_CJK = {"gb18030", "cp950", "cp949", "cp932", "euc_jp", "johab", "iso2022_jp", "iso2022_kr"}
_FIRST_CJK = "\u1100"
_BOM = "\ufeff"
_RARE = 8  # valid characters per invalid byte for a text to count as UTF-8
_META = re.compile(rb"<meta[^>]{0,200}?charset\s{0,9}=\s{0,9}[\"']?([\w.:-]{2,40})", re.IGNORECASE)


def decode(data: bytes, declared: str | None) -> str:
    """Decode a text; never raises. Unknown, wrong and unsafe labels fall back to UTF-8 or windows-1252."""
    label = codec(declared)
    if _ESCAPE.search(data):
        return iso2022jp.decode(data)
    if label in {"hz", "iso2022_kr"} or _KOREAN.search(data):
        return data.decode("hz" if label == "hz" else "iso2022_kr", "replace")
    text = _wide(data, label) if label in _WIDE else None
    if text is None:
        text = _utf8(data, label)
    if text is None:
        text = _legacy(data, "cp1252" if label is None or label in _WIDE or label == "utf_8" else label)
    return text.removeprefix(_BOM)


def of_html(data: bytes) -> str | None:
    """Charset that an HTML document declares in a meta element of its first 4 KiB."""
    found = _META.search(data[:4096])
    return found[1].decode("ascii") if found else None


def _wide(data: bytes, label: str) -> str | None:
    """UTF-16 or UTF-32; None if the bytes are neither: every such text of more than a line holds NULs."""
    if b"\0" not in data and _strict(data, "utf_8") is not None:
        return None
    return data.decode(label, "replace")


def _utf8(data: bytes, label: str | None) -> str | None:
    """Text if it is UTF-8, whatever its label, even with a few invalid bytes; else None."""
    text = _strict(data, "utf_8")
    if text is None:
        return _damaged_utf8(data, label)
    if label not in _CJK or text.isascii() or max(text) >= _FIRST_CJK:
        return text
    return None if _strict(data, label) is not None else text  # a short CJK text can be valid UTF-8 by accident


def _damaged_utf8(data: bytes, label: str | None) -> str | None:
    text = data.decode("utf_8", "replace")
    wrong = text.count("\ufffd")
    right = len(data) - len(text) if label in {None, "utf_8"} else (len(data) - len(text)) // _RARE
    return text if right >= wrong else None


def _legacy(data: bytes, label: str) -> str:
    if label in {"iso2022_jp", "cp932"}:
        return data.decode("cp932", "replace")
    if label == "euc_jp":
        return iso2022jp.decode_euc(data)
    if label == "cp950":
        data, rest = iso2022jp.split(data)
        return data.decode(label, "mailtalk-hkscs") + rest.decode(label, "replace")
    return data.decode(label, "replace")


def _strict(data: bytes, label: str) -> str | None:
    try:
        return data.decode(label)
    except UnicodeError:
        return None


def _from_hkscs(error: UnicodeError) -> tuple[str, int]:
    """The error handler of Big5: one character of Hong Kong's supplement, as browsers have it."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    text = _strict(error.object[error.start : error.start + 2], "big5hkscs")
    return (text, error.start + 2) if text else ("\ufffd", error.start + 1)


codecs.register_error("mailtalk-hkscs", _from_hkscs)
