"""`mailtalk mail preview`: mails as they would be made, printed or as pages."""

from dataclasses import replace
from pathlib import Path

import click

from cli import connect, datadir
from cli.commands.style import read
from cli.preview import write_pages
from mailtalk import clock
from mailtalk.conversations import apps
from mailtalk.files import Links
from mailtalk.ids import ParticipantKey
from mailtalk.mail.composing import sample, style, style_check
from mailtalk.mail.composing.preview import Preview, preview_of
from mailtalk.mail.composing.style import Style
from mailtalk.mail.composing.style import of as style_of
from mailtalk.support import preview as support_preview

HELP = """Show what mails look like, with sample messages or those of a conversation; nothing is sent or kept.

\b
  mailtalk mail preview                                     all kinds, in a folder with an index.html
  mailtalk mail preview --app my-app --locale de --out /tmp/mails
  mailtalk mail preview --file style.toml                   a style that is not set yet; needs no database
  mailtalk mail preview --kind private --text               one kind, printed
  mailtalk mail preview --app my-app --conversation c1 --user bob --source
"""
KINDS = ("reply", "mention", "files", "many", "long", "read-only", "private")


@click.group()
def mail() -> None:
    """See what mails look like before anyone gets one."""


@mail.command(help=HELP)
@click.option("--app", "app_id", metavar="ID", help="Use the style of this app.")
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE.toml",
    help="Use the style in this file.",
)
@click.option("--locale", metavar="TAG", help="The reader's language, such as de or pt-BR.")
@click.option("--time-zone", metavar="NAME", help="The reader's time zone, such as Europe/Berlin.")
@click.option("--kind", type=click.Choice(KINDS), help="Only this kind of mail.")
@click.option(
    "--conversation", metavar="ID", help="A mail about this conversation's last messages (with --user and --app)."
)
@click.option("--user", metavar="ID", help="The reader of that mail.")
@click.option("--html", "part", flag_value="html", help="Print the HTML part.")
@click.option("--text", "part", flag_value="text", help="Print the text part.")
@click.option("--source", "part", flag_value="source", help="Print the whole mail, headers included.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("mail-preview"),
    show_default=True,
    metavar="DIR",
    help="The folder for the pages when nothing is printed.",
)
def preview(  # noqa: PLR0913, PLR0917  one for each option
    app_id: str | None,
    file: Path | None,
    locale: str | None,
    time_zone: str | None,
    kind: str | None,
    conversation: str | None,
    user: str | None,
    part: str | None,
    out: Path,
) -> None:
    """Show what mails look like."""
    if (conversation is None) != (user is None) or (conversation is not None and app_id is None):
        raise click.UsageError("--conversation, --user and --app go together")
    if app_id and conversation and user:
        participant = ParticipantKey.of(app_id, conversation, user)
        mails = {"conversation": _of_conversation(participant, file, locale, time_zone)}
    else:
        mails = _samples(_style(app_id, file), locale, time_zone)
    if kind in mails:
        mails = {kind: mails[kind]}
    if part:
        click.echo(getattr(next(iter(mails.values())), part))
    else:
        click.echo(f"{len(mails)} mails: {write_pages(mails, out)}")


@mail.command()
@click.argument("part", type=click.Choice(tuple(style.BUILT_IN)), metavar="html|text")
def template(part: str) -> None:
    """Print the built-in template of notifications, to begin one of your own with."""
    click.echo(style.BUILT_IN[part], nl=False)


def _samples(look: Style, locale: str | None, time_zone: str | None) -> dict[str, Preview]:
    """Make one mail of each kind."""
    contents = sample.contents(look, locale, time_zone)
    return {kind: preview_of(content, ("Alice Moreau",)) for kind, content in contents.items()}


def _of_conversation(
    participant: ParticipantKey, file: Path | None, locale: str | None, time_zone: str | None
) -> Preview:
    """Make the mail that a user would get about a conversation's last messages."""
    settings = datadir.settings("database_url", "secret_key")
    files = Links(datadir.keyring(settings), settings.base_url, settings.file_url_seconds, settings.photos)
    with connect.transaction(settings) as session:
        content = support_preview.content(session, files, clock.now(), participant)
    look = style_check.checked(read(file)) if file else content.style
    if file or locale or time_zone:
        content = replace(content, style=look, language=look.speaks(locale, time_zone))
    return preview_of(content, tuple(dict.fromkeys(line.sender for line in content.lines)))


def _style(app_id: str | None, file: Path | None) -> Style:
    if app_id is None:
        return style_check.checked(read(file)) if file else style_of({})
    with connect.transaction() as session:
        app = apps.found(session, app_id)
        look = style_check.checked(read(file)) if file else style_of(app.style)
        return replace(look, name=look.name or app.name)
