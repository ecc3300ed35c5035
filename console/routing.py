"""`@page` declares a handler's method and path; around it stand the login, the form's token, and errors as pages.

A plain function takes the session first and is one transaction; a coroutine function manages its own.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qsl, quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from api import body, errors
from console import rendering
from console.logins import COOKIE, ConsoleRole
from console.requests import SEE_OTHER, ConsoleRequest, Site
from mailtalk import clock
from mailtalk.errors import MailtalkError

ROOT = "/console"
APP = ROOT + "/apps/{appId}"
FORM_LIMIT = 400_000  # bytes
FIELDS = 100
TOKEN = "form_token"  # noqa: S105  the field's name
Handler = TypeVar("Handler", bound=Callable[..., Any])
Endpoint = Callable[[Request], Awaitable[Response]]
Page = tuple[str, str, ConsoleRole, Callable[..., Any]]

PAGES: list[Page] = []


def page(method: str, path: str, role: ConsoleRole | None = None) -> Callable[[Handler], Handler]:
    """Register a handler; `role` is the least that it needs: to see for GET, to change for POST, unless given."""

    def mark(handler: Handler) -> Handler:
        PAGES.append((method, path, role or (ConsoleRole.READER if method == "GET" else ConsoleRole.ADMIN), handler))
        return handler

    return mark


def routes(site: Site) -> list[Route]:
    """One route for each path, in the order of the declarations."""
    by_path: dict[str, dict[str, Endpoint]] = {}
    for method, path, role, handler in PAGES:
        by_path.setdefault(path, {})[method] = _endpoint(site, role, handler)
    return [Route(path, _by_method(endpoints), methods=list(endpoints)) for path, endpoints in by_path.items()]


def _by_method(endpoints: dict[str, Endpoint]) -> Endpoint:
    async def respond(request: Request) -> Response:
        return await endpoints["GET" if request.method == "HEAD" else request.method](request)

    return respond


def _endpoint(site: Site, role: ConsoleRole, handler: Callable[..., Any]) -> Endpoint:
    async def respond(request: Request) -> Response:
        login = site.logins.read(request.cookies.get(COOKIE, ""), clock.now())
        if login is None:
            return _to_login(request)
        visit = ConsoleRequest(request, site, login, await form(request))
        try:
            return await _checked(visit, role, handler)
        except MailtalkError as error:
            status, stated = errors.stated(error)
            return visit.show("error.html", status, reasons=stated.reasons)

    return respond


async def _checked(visit: ConsoleRequest, role: ConsoleRole, handler: Callable[..., Any]) -> Response:
    if visit.login.role < role:
        return visit.show("error.html", 403, reasons=["Your login may not do this."])
    if visit.request.method == "POST" and not _is_ours(visit):
        return visit.show("error.html", 403, reasons=["This form is too old, or not of this page. Load it again."])
    holds = visit.site.logins.holds
    if inspect.iscoroutinefunction(handler):
        if not await visit.services.transact(lambda session: holds(session, visit.login)):
            return _to_login(visit.request)
        response: Response = await handler(visit)
        return response
    return await visit.services.transact(
        lambda session: handler(session, visit) if holds(session, visit.login) else _to_login(visit.request)
    )


def _is_ours(visit: ConsoleRequest) -> bool:
    return visit.site.logins.verifies_form(visit.login, visit.form.get(TOKEN, ""))


def _to_login(request: Request) -> Response:
    wanted = request.url.path if request.method == "GET" else ROOT
    return RedirectResponse(f"{ROOT}/login?next={quote(wanted)}", SEE_OTHER, headers=rendering.GUARDS)


async def form(request: Request) -> Mapping[str, str]:
    """Fields of a form; empty for a GET, and for a body that is too large."""
    if request.method != "POST":
        return {}
    raw = await body.form(request, FORM_LIMIT) or b""
    fields = parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=FIELDS)
    return {name: value.replace("\0", "") for name, value in fields}  # which no text of the database may have
