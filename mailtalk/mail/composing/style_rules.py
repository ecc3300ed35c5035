"""Validation rules for style values: one check per key, each returning a reason or None."""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from mailtalk.mail.composing import colours, texts
from mailtalk.mail.composing.sandbox import SOURCE_LIMIT

TEMPLATES = ("html", "text", "subject", "sender")
HOLE = re.compile(r"\{([^{}]*)\}")
_LINE = 200  # characters of a name or a text
_FOOTER = 1_000
_URL = 500
_WANTED = re.compile(r"https?://[^\s<>\"'\\\x00-\x20\x7f-\U0010ffff]+")


def _text(limit: int) -> Callable[[Any], str | None]:
    def check(value: Any) -> str | None:
        return (
            None if isinstance(value, str) and len(value) <= limit else f"must be a text of at most {limit} characters"
        )

    return check


def _colour(value: Any) -> str | None:
    return None if isinstance(value, str) and colours.COLOUR.fullmatch(value) else "must be a colour, as #1f5fd6"


def _logo(value: Any) -> str | None:
    right = _is_url(value) and value.startswith("https://")
    return None if right else f"must be an https URL of at most {_URL} characters"


def _link(value: Any) -> str | None:
    if not _is_url(value):
        return f"must be an http or https URL of at most {_URL} characters"
    if not {"conversationId", "userId"}.issuperset(HOLE.findall(value)) or "{" in HOLE.sub("", value):
        return "may hold {conversationId} and {userId}, nothing else in braces"
    return "must name its host plainly" if "{" in urlsplit(value).netloc else None


def _is_url(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _URL and _WANTED.fullmatch(value) is not None


def _flag(value: Any) -> str | None:
    return None if isinstance(value, bool) else "must be true or false"


def _locale(value: Any) -> str | None:
    return None if value in texts.TEXTS else f"must be one of {', '.join(texts.TEXTS)}"


def _time_zone(value: Any) -> str | None:
    return None if value in available_timezones() else "must be a time zone's name, as Europe/Berlin"


def _texts(value: Any) -> str | None:
    if not isinstance(value, dict) or not all(isinstance(each, dict) for each in value.values()):
        return "must hold a table of texts for each language"
    wrong = ((code, key, _own_text(code, key, text)) for code, own in value.items() for key, text in own.items())
    return next((f"{code}.{key} {reason}" for code, key, reason in wrong if reason), None)


def _own_text(code: str, key: str, text: Any) -> str | None:
    ours = texts.TEXTS.get(code, {}).get(key)
    if ours is None or key in texts.FIXED:
        return "is none of the texts that can be changed"
    own, known = texts.forms(text), texts.forms(ours)
    if isinstance(text, dict) != isinstance(ours, dict) or "other" not in own or not known.keys() >= own.keys():
        return f"must have the forms {', '.join(known)}" if len(known) > 1 else "must be a text"
    if any(_text(_LINE)(form) for form in own.values()):
        return f"must be a text of at most {_LINE} characters"
    allowed = {"app"}.union(*map(texts.holes, known.values()))
    strange = set().union(*map(texts.holes, own.values())) - allowed
    return f"may hold in braces only {', '.join(sorted(allowed))}" if strange else None


def _templates(value: Any) -> str | None:
    if not isinstance(value, dict) or not value.keys() <= set(TEMPLATES):
        return f"may hold {', '.join(TEMPLATES)}"
    if any(_text(SOURCE_LIMIT)(source) for source in value.values()):
        return f"must be texts of at most {SOURCE_LIMIT} characters"
    return None


CHECKS: Mapping[str, Callable[[Any], str | None]] = {
    "name": _text(_LINE),
    "logo": _logo,
    "colour": _colour,
    "footer": _text(_FOOTER),
    "link": _link,
    "privacy": _flag,
    "locale": _locale,
    "time_zone": _time_zone,
    "texts": _texts,
    "templates": _templates,
}
