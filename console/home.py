"""Ways in: `/` in a browser, the console's start, and the list of apps."""

from sqlalchemy.orm import Session
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from console import rendering
from console.rendering import segment
from console.requests import SEE_OTHER, ConsoleRequest
from console.routing import APP, ROOT, page
from mailtalk.conversations import apps


async def _root(request: Request) -> Response:
    """Redirect browsers to the console; programs get the API's 404."""
    if "text/html" not in request.headers.get("accept", ""):
        raise HTTPException(404)
    return RedirectResponse(ROOT, SEE_OTHER)


ROUTES = [Route("/", _root, methods=["GET"])]


@page("GET", ROOT)
def home(session: Session, visit: ConsoleRequest) -> Response:
    """The only app that the login sees, or the list of apps."""
    rows = apps.listed(session)
    if visit.login.app_id is not None:
        return _to_app(visit.login.app_id)
    return _to_app(rows[0].id) if len(rows) == 1 else visit.show("apps.html", apps=rows)


@page("GET", ROOT + "/apps")
def list_apps(session: Session, visit: ConsoleRequest) -> Response:
    """List the apps that the login sees."""
    return visit.show("apps.html", apps=[app for app in apps.listed(session) if visit.login.app_id in {None, app.id}])


@page("GET", ROOT + "/start")
def start(session: Session, visit: ConsoleRequest) -> Response:
    """The tour where there is a demo app, else the console's start."""
    demo = visit.site.settings.console_demo_app
    if demo is not None and apps.get(session, demo) is not None:
        return RedirectResponse(f"{ROOT}/apps/{segment(demo)}/tour", SEE_OTHER, headers=rendering.GUARDS)
    return RedirectResponse(ROOT, SEE_OTHER, headers=rendering.GUARDS)


@page("GET", APP)
def app_home(session: Session, visit: ConsoleRequest) -> Response:
    """The app's conversations."""
    apps.found(session, visit.app_id)
    return _to_app(visit.app_id)


def _to_app(app_id: str) -> Response:
    return RedirectResponse(f"{ROOT}/apps/{segment(app_id)}/conversations", SEE_OTHER, headers=rendering.GUARDS)
