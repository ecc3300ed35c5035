"""HTML response: a template in a language, with headers that forbid loading anything and leaking the link."""

from base64 import b64encode
from hashlib import sha256
from typing import Any

from jinja2 import Environment, PackageLoader
from starlette.responses import Response

from api.pages import words
from mailtalk.mail.composing import catalogues, style
from mailtalk.models import App

TEMPLATES = Environment(loader=PackageLoader("api.pages", "templates"), autoescape=True, **catalogues.JINJA)
STYLE = TEMPLATES.get_template("page.css").render()
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
GUARDS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}


def answer(template: str, language: str, status: int = 200, **values: Any) -> Response:
    """Render a page."""
    shown = {"style": STYLE, "language": language, "say": words.TEXTS[language]} | values
    content = TEMPLATES.get_template(template).render(shown)
    return Response(content, status, GUARDS | {"Content-Language": language}, media_type="text/html; charset=utf-8")


def app_name(app: App) -> str:
    """Name of an app as its mails show it."""
    return style.of(app.style).name or app.name


def trouble(language: str) -> Response:
    """503 page: the database does not answer in time."""
    shown = answer("trouble.html", language, 503)
    shown.headers["Retry-After"] = "1"
    return shown
