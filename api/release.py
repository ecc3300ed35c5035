"""The page behind the link of a "was this you?" mail. GET changes nothing: mail scanners open every link."""

from base64 import b64encode
from hashlib import sha256

from jinja2 import Environment, PackageLoader, StrictUndefined
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.calls import Services
from mailtalk import clock, quarantine
from mailtalk.errors import Conflict, NotFound
from mailtalk.group_commit import in_time
from mailtalk.models import App, Conversation, InboundMail

TEMPLATES = Environment(
    loader=PackageLoader("api", "templates"), autoescape=True, trim_blocks=True, undefined=StrictUndefined
)
STYLE = TEMPLATES.get_template("release.css").render()
DIGEST = b64encode(sha256(STYLE.encode()).digest()).decode()
GUARDS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{DIGEST}'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
}
Page = tuple[str, dict[str, str], int]


async def page(request: Request) -> Response:
    """GET the question, POST its answer."""
    services: Services = request.app.state.services
    name, shown, status = await in_time(run_in_threadpool(_page, services, request))
    html = TEMPLATES.get_template("release.html").render(style=STYLE, state=name, **shown)
    return Response(html, status, GUARDS, media_type="text/html")


ROUTES = [Route("/inbound/release/{token}", page, methods=["GET", "POST"])]


def _page(services: Services, request: Request) -> Page:
    with services.database.transaction() as session:
        try:
            mail_id = quarantine.opened(services.keyring, request.path_params["token"], clock.now())
            row = _mail(session, mail_id, lock=request.method == "POST")
            if request.method != "POST":
                return "question", _about(session, row), 200
            quarantine.release(row, clock.now())
            return "released", _about(session, row), 200
        except NotFound:
            return "gone", {}, 404
        except Conflict:
            return "late", {}, 409


def _mail(session: Session, mail_id: int, *, lock: bool) -> InboundMail:
    query = select(InboundMail).where(InboundMail.id == mail_id)
    row = session.scalar(query.with_for_update() if lock else query)
    if row is None:
        raise NotFound(["no such mail"])
    return row


def _about(session: Session, row: InboundMail) -> dict[str, str]:
    app = session.get(App, row.app_id)
    conversation = session.get(Conversation, (row.app_id, row.conversation_id))
    name = app.name if app else ""
    return {
        "app": name,
        "subject": (conversation.subject if conversation else None) or name,
        "received": row.received_at.strftime("%d %B %Y, %H:%M UTC"),
    }
