"""Page of the link in a "was this you?" mail. GET changes nothing: mail scanners open every link.

The link is a signed capability for one mail, not a cookie, so the form needs no CSRF token.
"""

from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import parse_qs

from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.pages import page, words
from api.pages.visits import form_body
from api.request import Services
from mailtalk import clock
from mailtalk.errors import Conflict, NotFound, Unavailable
from mailtalk.inbound import quarantine, sender_questions
from mailtalk.inbound.sender_questions import Settled
from mailtalk.models import App, Conversation, InboundMail, SenderQuestion, User
from mailtalk.vocabulary import SenderAnswer


@dataclass(frozen=True, slots=True)
class Shown:
    """Content of the page: its state, its mail and its language; `answers` are the buttons, the chosen one first."""

    state: str
    status: int
    language: str
    about: dict[str, str] = field(default_factory=dict)
    answers: tuple[SenderAnswer, ...] = ()


class Asked(NamedTuple):
    """Question of a link: the mail, the question as it was kept, whose it is, and their language."""

    row: InboundMail
    question: SenderQuestion | None
    user: User | None
    language: str
    about: dict[str, str]

    def moment(self, end: Settled) -> str:
        """Time at which it was settled."""
        return words.moment(end.at, self.language, self.user.time_zone if self.user else None)


async def answer(request: Request) -> Response:
    """Answer GET with the question, or how it was settled; settle it at POST."""
    services: Services = request.app.state.services
    language = words.wanted(request.headers.get("accept-language", ""))
    choice = _choice(await form_body(request)) if request.method == "POST" else None
    try:
        shown = await services.transact(lambda session: _shown(session, request, language, choice))
    except Unavailable:
        return page.trouble(language)
    values = {"state": shown.state, "about": shown.about, "answers": shown.answers}
    return page.answer("release.html", shown.language, shown.status, **values)


ROUTES = [Route("/inbound/release/{token}", answer, methods=["GET", "POST"])]


def _choice(body: bytes | None) -> SenderAnswer:
    """Answer of a form; one without any, as of an earlier version's page, posts the mail."""
    given = parse_qs((body or b"").decode("utf-8", "replace")).get("answer", [""])[0]
    return SenderAnswer(given) if given in list(SenderAnswer) else SenderAnswer.POST


def _shown(session: Session, request: Request, language: str, choice: SenderAnswer | None) -> Shown:
    try:
        asked = _asked(session, request, language, lock=choice is not None)
        language = asked.language
        end = sender_questions.settled(asked.row, asked.question)
        if end is not None and (choice is None or end.answer != choice):
            return _settled(asked, end)
        if choice is None:
            return _question(asked, request.query_params.get("answer"))
        if end is None:
            sender_questions.answer(session, asked.row, choice, clock.now())
        return Shown(f"{choice}_done", 200, language, asked.about)
    except NotFound:
        return Shown("ended", 404, language)
    except Conflict:
        return Shown("late", 409, language)


def _asked(session: Session, request: Request, language: str, *, lock: bool) -> Asked:
    keyring = request.app.state.services.keyring
    mail_id = quarantine.read_link(keyring, request.path_params["token"], clock.now())
    row = session.get(InboundMail, mail_id, with_for_update=lock or None)
    if row is None:
        raise NotFound(["no such mail"])
    user, question = session.get(User, (row.app_id, row.user_id)), session.get(SenderQuestion, mail_id)
    language = words.spoken(user.locale if user else None) or language
    return Asked(row, question, user, language, _about(session, row, language, user))


def _about(session: Session, row: InboundMail, language: str, user: User | None) -> dict[str, str]:
    app = session.get(App, row.app_id)
    conversation = session.get(Conversation, (row.app_id, row.conversation_id))
    name = page.app_name(app) if app else ""
    return {
        "app": name,
        "subject": (conversation.subject if conversation else None) or name,
        "received": words.moment(row.received_at, language, user.time_zone if user else None),
    }


def _question(asked: Asked, wanted: str | None) -> Shown:
    """The question, with the answer that the link in the mail stands for as its first button."""
    row, question = asked.row, asked.question
    if not sender_questions.is_open(row):
        raise Conflict(["it can no longer be posted"])
    address, said = (question.address, question.excerpt) if question else ("", "")
    may_accept = sender_questions.may_accept(asked.user, address)
    answers = [each for each in SenderAnswer if may_accept or each is not SenderAnswer.ALWAYS]
    answers.sort(key=lambda each: each != wanted)
    state = "question" if may_accept or not address else "unproven"
    return Shown(state, 200, asked.language, asked.about | {"sender": address, "said": said}, tuple(answers))


def _settled(asked: Asked, end: Settled) -> Shown:
    """How and when it was settled; by an operator or the app it can only be posted."""
    chosen = words.TEXTS[asked.language][end.answer] if end.answer else ""
    about = asked.about | {"answered": asked.moment(end), "answer": chosen}
    return Shown("settled" if end.answer else "posted", 200, asked.language, about)
