"""Built-in templates: those of one page with a card, assembled to whole templates when they are loaded.

What stands in `[% … %]` and `[[ … ]]` is Jinja of the assembly; the rest is the mail's own Jinja, and stays as it is.
"""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from mailtalk.mail.composing import catalogues

_ASSEMBLY = Environment(  # noqa: S701  nothing but our own templates is put in
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    block_start_string="[%",
    block_end_string="%]",
    variable_start_string="[[",
    variable_end_string="]]",
    comment_start_string="[#",
    comment_end_string="#]",
    **catalogues.JINJA,
)


def source(file: str) -> str:
    """Source of a whole template, with the parts that it shares with others."""
    return _ASSEMBLY.get_template(file).render()


NOTIFICATION = {"html": source("notification.html"), "text": source("notification.txt")}
DIGEST = {"html": source("digest.html"), "text": source("digest.txt")}
NOTICE = {"html": source("notice.html"), "text": source("notice.txt")}
