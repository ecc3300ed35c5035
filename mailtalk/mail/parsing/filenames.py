"""Filename sanitization for display and download."""

import mimetypes
import re
import unicodedata

from mailtalk.mail import truncation

_LENGTH = 150
_SEPARATORS = re.compile(r"[/\\]")
_FORBIDDEN = re.compile(r'[<>:"|?*]')
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_JOINERS = frozenset("\u200c\u200d") | {chr(tag) for tag in range(0xE0020, 0xE0080)}  # letters and emoji need them
_TYPES = mimetypes.MimeTypes()  # the built-in table: the same on every machine


def safe(name: str, content_type: str) -> str:
    """A base name in NFC without control and bidi characters, at most 150 long; derived from the type if empty."""
    name = unicodedata.normalize("NFC", _SEPARATORS.split(name)[-1][-1000:])
    name = "".join(c for c in name if c in _JOINERS or unicodedata.category(c) not in _INVISIBLE)
    name = " ".join(_FORBIDDEN.sub("_", name).split()).strip(". ")
    return _shortened(name) if name else _by_type(content_type)


def _shortened(name: str) -> str:
    """Truncate the stem and keep the extension, which decides how a desktop opens the file."""
    stem, dot, extension = name.rpartition(".")
    if len(name) <= _LENGTH or not stem or len(extension) > 10:  # noqa: PLR2004 - longer is no extension
        return truncation.shortened(name, _LENGTH)
    return truncation.shortened(stem, _LENGTH - len(extension) - 1) + dot + extension


def _by_type(content_type: str) -> str:
    known = {"message/rfc822": ".eml", "text/plain": ".txt"}
    return "attachment" + (known.get(content_type) or _TYPES.guess_extension(content_type) or "")
