"""Texts of the pages, and times, in every supported language."""

import re
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from mailtalk.mail.composing import catalogues
from mailtalk.mail.composing.texts import language

TEXTS = catalogues.load(Path(__file__).parent / "texts")
DEFAULT = "en"
LANGUAGES = {code: texts["language"] for code, texts in TEXTS.items()}
_WANTED = re.compile(r"^\s*([A-Za-z]{2,3})\b[^;]*(?:;\s*q\s*=\s*([01](?:\.[0-9]{0,3})?))?\s*$")


def spoken(locale: str | None) -> str | None:
    """Language of a locale such as pt-BR or de_AT; None if it is not supported."""
    code = re.split("[-_]", locale or "")[0].lower()
    return code if code in TEXTS else None


def wanted(accept_language: str) -> str:
    """Supported language that a browser prefers (RFC 9110, 12.5.4); English if it accepts none."""
    weighed = sorted(_weighed(accept_language.split(",")), reverse=True, key=lambda each: each[0])
    return next((code for weight, code in weighed if weight > 0), DEFAULT)


def moment(at: datetime, code: str, zone: str | None) -> str:
    """Format a time with its time zone, as in our mails."""
    return language(code, zone).moment(at)


def _weighed(parts: Iterable[str]) -> Iterable[tuple[float, str]]:
    for part in parts:
        match = _WANTED.match(part)
        code = spoken(match[1]) if match else None
        if match and code:
            yield float(match[2] or 1), code
