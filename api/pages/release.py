"""Page of the link in a "was this you?" mail. GET changes nothing: mail scanners open every link."""

from dataclasses import dataclass, field

from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.pages import page, words
from api.request import Services
from mailtalk import clock
from mailtalk.errors import Conflict, NotFound, Unavailable
from mailtalk.inbound import quarantine
from mailtalk.models import App, Conversation, InboundMail, User


@dataclass(frozen=True, slots=True)
class Shown:
    """Content of the page: its state, its mail and its language."""

    state: str
    status: int
    language: str
    about: dict[str, str] = field(default_factory=dict)


async def answer(request: Request) -> Response:
    """Answer GET with the question; release the mail at POST."""
    services: Services = request.app.state.services
    language = words.wanted(request.headers.get("accept-language", ""))
    try:
        shown = await services.transact(lambda session: _shown(session, services, request, language))
    except Unavailable:
        return page.trouble(language)
    return page.answer("release.html", shown.language, shown.status, state=shown.state, about=shown.about)


ROUTES = [Route("/inbound/release/{token}", answer, methods=["GET", "POST"])]


def _shown(session: Session, services: Services, request: Request, language: str) -> Shown:
    try:
        mail_id = quarantine.read_link(services.keyring, request.path_params["token"], clock.now())
        row = _mail(session, mail_id, lock=request.method == "POST")
        user = session.get(User, (row.app_id, row.user_id))
        language = words.spoken(user.locale if user else None) or language
        about = _about(session, row, language, user.time_zone if user else None)
        if request.method != "POST":
            return Shown("question", 200, language, about)
        quarantine.release(row, clock.now())
        return Shown("released", 200, language, about)
    except NotFound:
        return Shown("ended", 404, language)
    except Conflict:
        return Shown("late", 409, language)


def _mail(session: Session, mail_id: int, *, lock: bool) -> InboundMail:
    row = session.get(InboundMail, mail_id, with_for_update=lock or None)
    if row is None:
        raise NotFound(["no such mail"])
    return row


def _about(session: Session, row: InboundMail, language: str, zone: str | None) -> dict[str, str]:
    app = session.get(App, row.app_id)
    conversation = session.get(Conversation, (row.app_id, row.conversation_id))
    name = app.name if app else ""
    return {
        "app": name,
        "subject": (conversation.subject if conversation else None) or name,
        "received": words.moment(row.received_at, language, zone),
    }
