"""Requests for the pages of the links in mails: the link is resolved to a participation before a page is shown.

The link is a capability, not a cookie that another site could ride on, so the forms need no CSRF token.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from api import body
from api.pages import page, words
from api.request import Services
from mailtalk import clock
from mailtalk.changes.log import Requested
from mailtalk.conversations import apps, conversations, users
from mailtalk.errors import NotFound, Unavailable
from mailtalk.ids import ParticipantKey
from mailtalk.models import Participation, User
from mailtalk.participation import links
from mailtalk.participation.rules import Request as Change

FORM_LIMIT = 10_000  # bytes


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
        shown = {"about": self.about, "name": self.user.name, "token": self.token, "is_digest": False}
        shown |= {"everything": False} | values
        return page.answer(template, self.language, status, **shown)


Handler = Callable[[Visit], Awaitable[Response]]


def visited(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """Endpoint that resolves the link before its handler; a dead link is a 404 page."""

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
    about = {"subject": conversation.subject, "app": page.app_name(app), "frequency": app.frequency}
    return row, users.get(session, row.app_id, row.user_id), about


async def apply(visit: Visit, change: Change) -> bool:
    """Have a worker apply a change, as for the API; False if it is still pending when the time is up."""
    row = visit.participation
    asked = Requested(row.key, change, clock.now())
    (receipt,) = await visit.services.intake.take([asked])
    if isinstance(receipt, NotFound):
        raise receipt
    if receipt.failure is not None:
        raise receipt.failure
    return receipt.ended is not None


async def apply_all(services: Services, changes: Mapping[ParticipantKey, Change]) -> bool:
    """Have workers apply changes to several participations; False if one is still pending when the time is up."""
    if not changes:
        return True
    now = clock.now()
    receipts = await services.intake.take([Requested(key, change, now) for key, change in changes.items()])
    return all(not isinstance(receipt, NotFound) and receipt.ended is not None for receipt in receipts)


async def form_body(request: Request) -> bytes | None:
    """Body of a form; None if it is longer than FORM_LIMIT or ends too early."""
    return await body.form(request, FORM_LIMIT)
