"""Login by a password, an app's secret or a printed link; and logout."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from api.request import Services
from console import rendering
from console.logins import COOKIE, ConsoleLogin, ConsoleRole
from console.requests import SEE_OTHER, ConsoleRequest, Site, entry
from console.routing import ROOT, form, page
from mailtalk import clock
from mailtalk.errors import Unavailable
from mailtalk.models import AuditEntry
from mailtalk.support import audit, login_links

LOGIN = ROOT + "/login"
ATTEMPTS = 10  # wrong credentials a minute, of all clients of this process
MINUTE = 60.0
WRONG = "This is neither a password of the console nor the secret of an app."
TOO_MANY = "Too many wrong attempts. Wait a minute."
USED = "This link has been used, or has expired. Run `mailtalk console link` for a new one, or log in here."


class Throttle:
    """Limit of wrong credentials."""

    def __init__(self) -> None:
        self._wrong: deque[float] = deque(maxlen=ATTEMPTS)

    def is_shut(self) -> bool:
        """True if there were too many within the last minute."""
        return len(self._wrong) == ATTEMPTS and self._wrong[0] > time.monotonic() - MINUTE

    def note(self) -> None:
        """Count a wrong credential."""
        self._wrong.append(time.monotonic())


class LoginPages:
    """The pages that need no login."""

    def __init__(self, site: Site) -> None:
        self._site, self._throttle = site, Throttle()

    def routes(self) -> Sequence[Route]:
        """Routes of the form and of the links."""
        return [
            Route(LOGIN, self.ask, methods=["GET"]),
            Route(LOGIN, self.log_in, methods=["POST"]),
            Route(ROOT + "/enter/{token}", self.enter, methods=["GET"]),
        ]

    async def ask(self, request: Request) -> Response:
        """GET: the form."""
        return self.form(request, 200)

    async def log_in(self, request: Request) -> Response:
        """POST: set the cookie and go where the person wanted to."""
        fields = await form(request)
        if not _is_same_origin(request):
            return self.form(request, 403, "This form was sent by another site.")
        if self._throttle.is_shut():
            return self.form(request, 429, TOO_MANY)
        credential = fields.get("credential", "").strip()
        login = await self._transact(request, lambda session: self._by_credential(session, request, credential))
        if isinstance(login, Response):
            return login
        if login is None:
            self._throttle.note()
            await asyncio.sleep(0.5)
            return self.form(request, 401, WRONG)
        return self.entered(login, _local(fields.get("next", "")))

    async def enter(self, request: Request) -> Response:
        """Log in by a link that works once; one who is logged in already just goes on."""
        if self._site.logins.read(request.cookies.get(COOKIE, ""), clock.now()):
            return RedirectResponse(ROOT + "/start", SEE_OTHER, headers=rendering.GUARDS)
        token = request.path_params["token"]
        login = await self._transact(request, lambda session: self._by_link(session, request, token))
        if isinstance(login, Response):
            return login
        return self.form(request, 410, USED) if login is None else self.entered(login, ROOT + "/start")

    async def _transact(
        self, request: Request, verb: Callable[[Session], ConsoleLogin | None]
    ) -> ConsoleLogin | Response | None:
        services: Services = request.app.state.services
        try:
            return await services.transact(verb)
        except Unavailable:
            return self.form(request, 503, "The database does not answer. Try again in a moment.")

    def _by_credential(self, session: Session, request: Request, credential: str) -> ConsoleLogin | None:
        login = self._site.logins.by_credential(session, credential, clock.now())
        audit.record(session, _entry(request, login, "log in" if login else "fail to log in"))
        return login

    def _by_link(self, session: Session, request: Request, token: str) -> ConsoleLogin | None:
        if not login_links.use(session, clock.now(), token):
            return None
        login = self._site.logins.by_link(clock.now())
        audit.record(session, _entry(request, login, "log in by link"))
        return login

    def entered(self, login: ConsoleLogin, to: str) -> Response:
        """Set the cookie, and go on."""
        response = RedirectResponse(to, SEE_OTHER, headers=rendering.GUARDS)
        settings = self._site.settings
        response.set_cookie(
            COOKIE,
            self._site.logins.seal(login),
            max_age=int(settings.console_session_hours * 3600),
            path=ROOT,
            secure=settings.base_url.startswith("https:"),
            httponly=True,
            samesite="lax",
        )
        return response

    def form(self, request: Request, status: int, problem: str | None = None) -> Response:
        """The form, with what went wrong."""
        values = {
            "problem": problem,
            "next": _local(request.query_params.get("next", "")),
            "demo_app": self._site.settings.console_demo_app,
            "has_oidc": self._site.settings.console_oidc_issuer is not None,
            "has_password": self._site.settings.console_password is not None,
        }
        return rendering.html("login.html", values, status)


@page("POST", ROOT + "/logout", ConsoleRole.READER)
def log_out(session: Session, visit: ConsoleRequest) -> Response:
    """Delete the cookie."""
    visit.record(session, "log out")
    response = RedirectResponse(LOGIN, SEE_OTHER, headers=rendering.GUARDS)
    response.delete_cookie(COOKIE, path=ROOT)
    return response


def _entry(request: Request, login: ConsoleLogin | None, action: str) -> AuditEntry:
    return entry(request, login, action, login.app_id if login else None, {})


def _is_same_origin(request: Request) -> bool:
    """True unless a browser says that another site's page sent the form."""
    origin = request.headers.get("origin")
    return not origin or urlsplit(origin).netloc == request.headers.get("host")


def _local(path: str) -> str:
    """Path within the console; its start for any other."""
    return path if path.startswith(ROOT + "/") and "\\" not in path and ".." not in path else ROOT
