"""SQL with named placeholders: short statements in Python, long ones in `.sql` files beside their module.

`$NotificationStatus.OPEN` is replaced by an enum's value as a literal, `$barred` by a fragment given by the caller;
`:now` is a parameter, as everywhere in SQLAlchemy. Values from requests are always parameters.
"""

import re
from pathlib import Path
from string import Template

from sqlalchemy import TextClause, text

from mailtalk import vocabulary


class _Template(Template):
    idpattern = r"(?a:[A-Z][A-Za-z]*\.[A-Z_]+|[a-z][a-z_0-9]*)"
    flags = re.RegexFlag(0)  # the default ignores case


def fragment(source: str, **fragments: str) -> str:
    """SQL text with its placeholders filled in; KeyError for a missing value."""
    template = _Template(source)
    enums = {name: _literal(name) for name in template.get_identifiers() if "." in name}
    return template.substitute(enums | fragments)


def statement(source: str, **fragments: str) -> TextClause:
    """Statement with its placeholders filled in."""
    return text(fragment(source, **fragments))


def load(module: str, name: str, **fragments: str) -> TextClause:
    """Statement from the file `name`.sql in a module's folder, given by its `__file__`."""
    return statement((Path(module).parent / f"{name}.sql").read_text("utf-8"), **fragments)


def _literal(name: str) -> str:
    enum, member = name.split(".")
    return f"'{getattr(vocabulary, enum)[member]}'"
