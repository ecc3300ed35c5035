"""`/settings/…` and `/unsubscribe/…`: email settings of a participant, by the signed links in their mails.

The link is the only credential. Browsers do not send it by themselves as they do a cookie, so no CSRF token is needed.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from sqlalchemy.orm import Session
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from api.pages import choices, page, words
from api.request import Services
from mailtalk import clock
from mailtalk.changes.log import Requested
from mailtalk.conversations import apps, conversations, users
from mailtalk.errors import NotFound, Unavailable
from mailtalk.models import Participation, User
from mailtalk.outbound import suppressions
from mailtalk.participation import links
from mailtalk.participation.rules import Request as Change
from mailtalk.vocabulary import Actor, ChangeKind, Choice, Notify

FORM_LIMIT = 10_000  # bytes
ONE_CLICK = b"One-Click"  # List-Unsubscribe=One-Click, in a form of either encoding
SEE_OTHER = 303


@dataclass(frozen=True, slots=True)
class Visit:
    """Request by a valid link, with its participation, user and language."""

    request: Request
    services: Services
    participation: Participation
    user: User
    about: Mapping[str, str | None]
    language: str

    @property
    def token(self) -> str:
        """Token at the end of the link."""
        given: str = self.request.path_params["token"]
        return given

    def shown(self, template: str, status: int = 200, **values: Any) -> Response:
        """Render a page for this visitor."""
        shown = {"about": self.about, "name": self.user.name, "token": self.token} | values
        return page.answer(template, self.language, status, **shown)


Handler = Callable[[Visit], Awaitable[Response]]


def routes() -> list[Route]:
    """Routes of the two pages, each with GET and POST."""
    return [
        Route(links.SETTINGS + "{token}", _visited(settings), methods=["GET"]),
        Route(links.SETTINGS + "{token}", _visited(save), methods=["POST"]),
        Route(links.UNSUBSCRIBE + "{token}", _visited(ask), methods=["GET"]),
        Route(links.UNSUBSCRIBE + "{token}", _visited(unsubscribe), methods=["POST"]),
    ]


async def settings(visit: Visit) -> Response:
    """GET: show the participant's email settings as a form."""
    row, now = visit.participation, clock.now()
    until = choices.muted_until(row, now)
    query = visit.request.query_params
    return visit.shown(
        "settings.html",
        notify=next(name for name, notify in choices.NOTIFY.items() if notify == row.notify),
        frequency=row.frequency,
        muted_until=until and words.moment(until, visit.language, visit.user.time_zone),
        languages=words.LANGUAGES,
        outcome=next((name for name in ("saved", "later") if name in query), None),
    )


async def save(visit: Visit) -> Response:
    """POST: save the form and redirect to the page, so that a reload does not send it twice."""
    form = dict(parse_qsl((await _body(visit.request)).decode("utf-8", "replace"), max_num_fields=20))
    language = form.get("language")
    if language in words.LANGUAGES and language != words.spoken(visit.user.locale):
        await visit.services.transact(lambda session: _speak(session, visit.user, language))
    if choices.wants_mail(form):
        await visit.services.transact(lambda session: _reach(session, visit.user))
    change = choices.asked(form, visit.participation, clock.now())
    applied = change is None or await _apply(visit, change)
    return Response(status_code=SEE_OTHER, headers=page.GUARDS | {"Location": "?saved" if applied else "?later"})


async def ask(visit: Visit) -> Response:
    """GET: show a button, since scanners that open links must not unsubscribe anyone."""
    return visit.shown("unsubscribe.html")


async def unsubscribe(visit: Visit) -> Response:
    """POST: turn this conversation's mails off; for the page's button and for one-click unsubscribing (RFC 8058)."""
    if ONE_CLICK not in await _body(visit.request):
        return visit.shown("unsubscribe.html", 400)
    off = Change(ChangeKind.UPDATE, notify=Notify.OFF, by=Actor.PARTICIPANT)
    row = visit.participation
    chosen = row.notify == Notify.OFF and Choice.NOTIFY in row.chosen  # else a backend's next PUT could undo it
    applied = chosen or await _apply(visit, off)
    return visit.shown("unsubscribed.html", 200 if applied else 202, applied=applied)


def _visited(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        language = words.wanted(request.headers.get("accept-language", ""))
        try:
            return await handler(await _visit(request, language))
        except NotFound:
            return page.answer("gone.html", language, 404)
        except Unavailable:
            return page.trouble(language)

    return answer


async def _visit(request: Request, language: str) -> Visit:
    services: Services = request.app.state.services
    token = request.path_params["token"]
    row, user, about = await services.transact(lambda session: _found(session, services, token))
    return Visit(request, services, row, user, about, words.spoken(user.locale) or language)


def _found(session: Session, services: Services, token: str) -> tuple[Participation, User, Mapping[str, str | None]]:
    row = links.read(session, services.keyring, token)
    if row is None:
        raise NotFound(["no such link"])
    conversation = conversations.get(session, row.key.conversation)
    app = apps.found(session, row.app_id)
    about = {"subject": conversation.subject, "app": app.name, "frequency": app.frequency}
    return row, users.get(session, row.app_id, row.user_id), about


def _speak(session: Session, user: User, language: str) -> None:
    users.put(session, user.app_id, user.id, {"locale": language})


def _reach(session: Session, user: User) -> None:
    """Lift all suppressions of the user's addresses: asking for mails here also withdraws a complaint."""
    suppressions.release(session, user.app_id, user.emails or ())


async def _apply(visit: Visit, change: Change) -> bool:
    """Have a worker apply a change, as for the API; False if it is still pending when the time is up."""
    row = visit.participation
    asked = Requested(row.key, change, clock.now())
    (receipt,) = await visit.services.intake.take([asked])
    if isinstance(receipt, NotFound):
        raise receipt
    if receipt.failure is not None:
        raise receipt.failure
    return receipt.ended is not None


async def _body(request: Request) -> bytes:
    raw = bytearray()
    try:
        async for chunk in request.stream():
            raw += chunk
            if len(raw) > FORM_LIMIT:
                return b""
    except ClientDisconnect:
        return b""
    return bytes(raw)
