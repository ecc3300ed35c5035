"""Whom a text mentions: `<!!mention:USER_ID|NAME>`, and in a mail a plain @Name."""

import re
from collections.abc import Mapping

MARKUP = r"<!!mention:(?P<id>[^|<>]{1,255})\|(?P<name>[^<>]{0,255})>"
_MARKUP = re.compile(MARKUP)


def of_text(text: str) -> list[str]:
    """The ids of the users that the text mentions, each once, in order."""
    return list(dict.fromkeys(match[1] for match in _MARKUP.finditer(text)))


def of_mail(text: str, names: Mapping[str, str]) -> list[str]:
    """Like `of_text`, and a plain @Name counts too; `names` leads from a lower-case name to the user's id."""
    named = [user_id for name, user_id in names.items() if _says(text, name)]
    return list(dict.fromkeys(of_text(text) + named))


def plain(text: str) -> str:
    """The text as a person reads it: a mention is @Name."""
    return _MARKUP.sub(lambda match: f"@{match[2] or match[1]}", text)


def _says(text: str, name: str) -> bool:
    return bool(name) and re.search(rf"(?<!\w)@{re.escape(name)}(?!\w)", text, re.IGNORECASE) is not None
