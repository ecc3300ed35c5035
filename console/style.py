"""Style of an app's mails, with a preview as one types: light, dark, and as wide as a phone."""

import json
from typing import Any

from sqlalchemy.orm import Session
from starlette.responses import Response

from console import mail_views
from console.mail_views import MailView
from console.rendering import segment
from console.requests import ConsoleRequest
from console.routing import APP, page
from mailtalk.conversations import apps
from mailtalk.errors import Invalid
from mailtalk.mail.composing import preview, sample, style_check
from mailtalk.mail.composing.style import DEFAULT, Style, read

STYLE = APP + "/style"
FIELDS = ("name", "logo", "colour", "footer", "link")
SCHEMES = ("light", "dark")


@page("GET", STYLE)
def show_style(session: Session, visit: ConsoleRequest) -> Response:
    """Show the style."""
    app = apps.found(session, visit.app_id)
    rest = {key: value for key, value in app.style.items() if key not in {*FIELDS, "privacy"}}
    return visit.show(
        "style.html",
        app=app,
        style=app.style,
        default=DEFAULT,
        rest=json.dumps(rest, indent=2, ensure_ascii=False) if rest else "",
        kinds=list(sample.contents(DEFAULT)),
    )


@page("POST", STYLE)
def put_style(session: Session, visit: ConsoleRequest) -> Response:
    """Store the style; Invalid names every problem."""
    apps.put_style(session, visit.app_id, _raw(visit))
    visit.record(session, "change the style")
    return visit.back_to(f"/console/apps/{segment(visit.app_id)}/style")


@page("POST", STYLE + "/preview")
def preview_style(session: Session, visit: ConsoleRequest) -> Response:
    """A sample mail in a style that is not stored, for a sandboxed frame."""
    app = apps.found(session, visit.app_id)
    try:
        chosen = _checked(_raw(visit))
    except Invalid as error:
        return mail_views.frame(MailView(text=_problems(error)))
    content = sample.contents(chosen)[visit.form.get("kind") or "reply"]
    mail = preview.preview_of(content, (content.lines[0].sender if content.lines else app.name,))
    scheme = visit.form.get("scheme", "light")
    return mail_views.frame(MailView(html=preview.in_scheme(scheme if scheme in SCHEMES else "light", mail.html)))


def _checked(raw: dict[str, Any]) -> Style:
    return style_check.checked(raw) if raw.get("templates") else read(raw)


def _raw(visit: ConsoleRequest) -> dict[str, Any]:
    """Style of a form: its fields, those that are empty left out, and the rest as JSON."""
    fields = {name: visit.form[name].strip() for name in FIELDS if visit.form.get(name, "").strip()}
    try:
        rest = json.loads(visit.form.get("rest") or "{}")
    except (ValueError, RecursionError):
        raise Invalid({"more": ["is not JSON"]}) from None
    if not isinstance(rest, dict):
        raise Invalid({"more": ["must be an object"]})
    return {**rest, **fields, **({"privacy": True} if visit.form.get("privacy") else {})}


def _problems(error: Invalid) -> str:
    reasons = error.reasons
    return (
        "\n".join(f"{key}: {', '.join(texts)}" for key, texts in reasons.items()) if isinstance(reasons, dict) else ""
    )
