"""The commands for how mails look: `mailtalk app style` and `mailtalk mail preview`."""

# ruff: noqa: PLC0415 - so that help comes at once

from pathlib import Path

import click

STYLE = """Show or change how an app's mails look; docs/mails.md says what there is.

\b
  mailtalk app style my-app                                 as it is now, as TOML
  mailtalk app style my-app --file style.toml               all of it anew
  mailtalk app style my-app --set colour=#0a7d5a --set privacy=true
  mailtalk app style my-app --template html=mail.html       one template, from a file
  mailtalk app style my-app --unset logo --unset templates.html

What is wrong is refused, a template with its line; nothing is changed then. See it before: mailtalk mail preview.
"""
PREVIEW = """Show what mails look like, with sample messages or those of a conversation; nothing is sent or kept.

\b
  mailtalk mail preview                                     all kinds, in a folder with an index.html
  mailtalk mail preview --app my-app --locale de --out /tmp/mails
  mailtalk mail preview --file style.toml                   a style that is not set yet; needs no database
  mailtalk mail preview --kind private --text               one kind, printed
  mailtalk mail preview --app my-app --conversation c1 --user bob --source
"""
KINDS = ("reply", "mention", "files", "many", "long", "read-only", "private")


@click.command(help=STYLE)
@click.argument("app_id", metavar="ID")
@click.option(
    "--file", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE.toml", help="The whole style."
)
@click.option("--set", "given", multiple=True, metavar="KEY=VALUE", help="One value, as texts.de.reply=…")
@click.option("--template", "templates", multiple=True, metavar="NAME=FILE", help="html, text, subject or sender.")
@click.option("--unset", multiple=True, metavar="KEY", help="Take a value away: ours counts again.")
def style(
    app_id: str, file: Path | None, given: tuple[str, ...], templates: tuple[str, ...], unset: tuple[str, ...]
) -> None:
    """Show or change how an app's mails look."""
    from cli.datadir import settings
    from cli.show.style import alter

    alter(settings("database_url"), app_id, file, given, templates, unset)


@click.group()
def mail() -> None:
    """See what mails look like before anybody gets one."""


@mail.command(help=PREVIEW)
@click.option("--app", "app_id", metavar="ID", help="With this app's style.")
@click.option(
    "--file", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE.toml", help="With this style."
)
@click.option("--locale", metavar="TAG", help="The reader's language, as de or pt-BR.")
@click.option("--time-zone", metavar="NAME", help="The reader's time zone, as Europe/Berlin.")
@click.option("--kind", type=click.Choice(KINDS), help="One kind of mail.")
@click.option("--conversation", metavar="ID", help="The last messages of this conversation,")
@click.option("--user", metavar="ID", help="as this user would be mailed them.")
@click.option("--html", "show", flag_value="html", help="Print the HTML part.")
@click.option("--text", "show", flag_value="text", help="Print the text part.")
@click.option("--source", "show", flag_value="source", help="Print the whole mail, headers and all.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("mail-preview"),
    show_default=True,
    metavar="DIR",
    help="Where the pages are written when nothing is printed.",
)
@click.pass_context
def preview(  # noqa: PLR0913, PLR0917  one for each option
    ctx: click.Context,
    app_id: str | None,
    file: Path | None,
    locale: str | None,
    time_zone: str | None,
    kind: str | None,
    conversation: str | None,
    user: str | None,
    show: str | None,
    out: Path,
) -> None:
    """Show what mails look like."""
    from cli.show import preview as page

    if (conversation is None) != (user is None) or (conversation is not None and app_id is None):
        raise click.UsageError("--conversation, --user and --app go together", ctx)
    if app_id and conversation and user:
        mails = {"conversation": page.of_conversation(app_id, conversation, user, file, locale, time_zone)}
    else:
        mails = dict(page.samples(app_id, file, locale, time_zone))
    if show:
        page.shown(mails.get(kind or "") or next(iter(mails.values())), show)
    else:
        page.written({kind: mails[kind]} if kind in mails else mails, out)
