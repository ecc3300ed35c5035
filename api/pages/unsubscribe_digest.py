"""Unsubscribe page of a digest, and one-click unsubscribing from it (RFC 8058): both end the app's digests."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from api.pages import page, words
from api.pages.unsubscribe import OFF, asks
from api.pages.visits import apply_all, form_body
from api.request import Services
from mailtalk.conversations import apps, users
from mailtalk.errors import NotFound, Unavailable
from mailtalk.ids import ParticipantKey
from mailtalk.participation import digests

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class DigestVisit:
    """Request by a digest's link, with the app's name and the participations whose messages come in digests."""

    services: Services
    app: str
    digested: Sequence[ParticipantKey]
    language: str

    def shown(self, template: str, status: int = 200, **values: object) -> Response:
        """Render a page for this visitor."""
        about = {"subject": None, "app": self.app}
        kind = {"is_digest": True, "everything": False, "has_others": False}
        return page.answer(template, self.language, status, about=about, token=None, **kind, **values)


def either(other: Handler) -> Handler:
    """Endpoint for the links of digests; those of participations are left to the other one."""

    async def answer(request: Request) -> Response:
        services: Services = request.app.state.services
        delivery_id = digests.delivery(services.keyring, request.path_params["token"])
        return await other(request) if delivery_id is None else await _answer(request, services, delivery_id)

    return answer


async def _answer(request: Request, services: Services, delivery_id: UUID) -> Response:
    language = words.wanted(request.headers.get("accept-language", ""))
    try:
        visit = await services.transact(lambda session: _visit(session, services, delivery_id, language))
        if request.method != "POST":
            return visit.shown("unsubscribe.html")
        if not asks(await form_body(request)):
            return visit.shown("unsubscribe.html", 400)
        applied = await _unsubscribe(visit)
        return visit.shown("unsubscribed.html", 200 if applied else 202, applied=applied)
    except NotFound:
        return page.answer("gone.html", language, 404)
    except Unavailable:
        return page.trouble(language)


def _visit(session: Session, services: Services, delivery_id: UUID, language: str) -> DigestVisit:
    reader = digests.reader(session, delivery_id)
    if reader is None:
        raise NotFound(["no such link"])
    app, user = apps.found(session, reader.app_id), users.get(session, *reader)
    name, language = page.app_name(app), words.spoken(user.locale) or language
    return DigestVisit(services, name, digests.digested(session, reader), language)


async def _unsubscribe(visit: DigestVisit) -> bool:
    """Turn the mails of all these conversations off; False if a change is still pending when the time is up."""
    return await apply_all(visit.services, dict.fromkeys(visit.digested, OFF))
