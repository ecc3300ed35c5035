"""Routes of `/settings/…` and `/unsubscribe/…`."""

from starlette.routing import Route

from api.pages import settings, unsubscribe
from api.pages.unsubscribe_digest import either
from api.pages.visits import visited
from mailtalk.participation import links


def routes() -> list[Route]:
    """Routes of the two pages, each with GET and POST."""
    return [
        Route(links.SETTINGS + "{token}", visited(settings.settings), methods=["GET"]),
        Route(links.SETTINGS + "{token}", visited(settings.save), methods=["POST"]),
        Route(links.UNSUBSCRIBE + "{token}", either(visited(unsubscribe.ask)), methods=["GET"]),
        Route(links.UNSUBSCRIBE + "{token}", either(visited(unsubscribe.unsubscribe)), methods=["POST"]),
    ]
