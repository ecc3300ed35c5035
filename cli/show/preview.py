"""`mailtalk mail preview`: mails as they would be, printed or as pages."""

import email
from collections.abc import Mapping
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Any
from uuid import UUID

import click

from cli import connect, datadir
from cli.show.style import read
from mailtalk import clock
from mailtalk.conversations import apps
from mailtalk.files import Links
from mailtalk.keys import Keyring
from mailtalk.mail.composing import compose, sample, style_check
from mailtalk.mail.composing.content import NotificationContent
from mailtalk.mail.composing.headers import NotificationHeaders, label
from mailtalk.mail.composing.style import Style
from mailtalk.mail.composing.style import of as style_of
from mailtalk.support import preview

VIEWS = (("light", 720), ("dark", 720), ("phone, light", 390), ("phone, dark", 390))
DOMAIN = "reply.example"
PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Mail preview</title>
<style>
body {{ margin: 0; padding: 24px; font: 15px/1.5 system-ui, sans-serif; background: #e7eaef; color: #1b222c; }}
section {{ margin: 0 0 48px; }} h2 {{ margin: 0 0 4px; }} pre {{ background: #fff; padding: 16px; overflow: auto; }}
.views {{ display: flex; flex-wrap: wrap; gap: 24px; align-items: flex-start; }} figure {{ margin: 0; }}
iframe {{ border: 1px solid #c3cad5; height: 760px; background: #fff; }}
</style></head><body><h1>Mail preview</h1>
{sections}
</body></html>
"""
SECTION = """<section id="{kind}"><h2>{kind}</h2>
<p><b>From</b> {sender} &nbsp; <b>Subject</b> {subject} &nbsp; {size} bytes</p>
<div class="views">{frames}</div><details><summary>text part</summary><pre>{text}</pre></details></section>"""
FRAME = """<figure><figcaption>{name}</figcaption>
<iframe title="{kind}, {name}" width="{width}" style="color-scheme: {scheme}" sandbox src="{file}"></iframe></figure>"""


@dataclass(frozen=True)
class Mail:
    """A mail as it would go out, and its parts."""

    source: bytes
    sender: str
    subject: str
    text: str
    html: str


def samples(app_id: str | None, file: Path | None, locale: str | None, time_zone: str | None) -> Mapping[str, Mail]:
    """One mail of each kind."""
    found = _style(app_id, file)
    contents = sample.contents(found, locale, time_zone)
    return {kind: _mail(content, ("Alice Moreau",)) for kind, content in contents.items()}


def of_conversation(  # noqa: PLR0913, PLR0917  all that can be said
    app_id: str, conversation_id: str, user_id: str, file: Path | None, locale: str | None, time_zone: str | None
) -> Mail:
    """The mail that a user would get about a conversation's last messages."""
    settings = datadir.settings("database_url", "secret_key")
    files = Links(Keyring.from_setting(datadir.key_of(settings)), settings.base_url, settings.file_url_seconds)
    with connect.transaction(settings) as session:
        content = preview.content(session, files, clock.now(), app_id, conversation_id, user_id)
    own = style_check.checked(read(file)) if file else content.style
    if file or locale or time_zone:
        content = replace(content, style=own, language=own.speaks(locale, time_zone))
    return _mail(content, tuple(dict.fromkeys(line.sender for line in content.lines)))


def shown(mail: Mail, what: str) -> None:
    """Print a part, or all."""
    click.echo({"html": mail.html, "text": mail.text, "source": mail.source}[what])


def written(mails: Mapping[str, Mail], out: Path) -> None:
    """Write an index.html that shows them all: light, dark, and as wide as a phone."""
    out.mkdir(parents=True, exist_ok=True)
    for kind, mail in mails.items():
        for scheme in ("light", "dark"):
            (out / f"{kind}-{scheme}.html").write_text(_in(scheme, mail.html), "utf-8")
        (out / f"{kind}.eml").write_bytes(mail.source)
    sections = "\n".join(_section(kind, mail) for kind, mail in mails.items())
    (out / "index.html").write_text(PAGE.format(sections=sections), "utf-8")
    click.echo(f"{len(mails)} mails: {(out / 'index.html').absolute()}")


def _style(app_id: str | None, file: Path | None) -> Style:
    if app_id is None:
        return style_check.checked(read(file)) if file else style_of({})
    with connect.transaction(datadir.settings("database_url")) as session:
        app = apps.found(session, app_id)
        found = style_check.checked(read(file)) if file else style_of(app.style)
        return replace(found, name=found.name or app.name)


def _mail(content: NotificationContent, names: tuple[str, ...]) -> Mail:
    body = compose.body(content)
    letter = NotificationHeaders(
        sender_name=compose.sender(content, names),
        sender=f"notify@{DOMAIN}",
        reader_name="Bob",
        reader="bob@example.com",
        reply_to=f"preview@{DOMAIN}" if content.may_reply else None,
        unsubscribe=f"preview@{DOMAIN}",
        message_id=f"<n.{UUID(int=0).hex}@{DOMAIN}>",
        references=(f"<c.{label('preview')}@{DOMAIN}>",),
        thread=label("preview"),
        feedback="preview:preview:notification:mailtalk",
        domain=DOMAIN,
        at=sample.AT,
        links=_links(content),
    )
    source = compose.mail(letter, body)
    message: Any = email.message_from_bytes(source)
    text, html = (part.get_payload(decode=True).decode() for part in message.get_payload())
    return Mail(source, letter.sender_name, body.subject, text, html)


def _links(content: NotificationContent) -> Mapping[str, str | None]:
    return {**sample.LINKS, "conversation": content.style.link_for("kitchen", sample.READER)}


def _in(scheme: str, html: str) -> str:
    """The page as one scheme shows it: a browser's frames do not have a scheme of their own."""
    dark = "(prefers-color-scheme: dark)"
    return html.replace(dark, "all" if scheme == "dark" else "not all")


def _section(kind: str, mail: Mail) -> str:
    frames = "".join(
        FRAME.format(name=name, kind=kind, width=width, scheme=scheme, file=f"{kind}-{scheme}.html")
        for name, width in VIEWS
        for scheme in (name.rpartition(", ")[2],)
    )
    values = {"sender": escape(mail.sender), "subject": escape(mail.subject), "text": escape(mail.text)}
    return SECTION.format(kind=kind, size=len(mail.source), frames=frames, **values)
