"""Photos of users in mails, by signed links: fetched from their `photoUrl` by the rules of webhooks, and made small.

Mail programs thus never ask the photo's host, which would learn who reads what, and when.
"""

import asyncio

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api import wire
from api.files import GUARDS
from api.request import Services
from mailtalk import clock, files, signed
from mailtalk.conversations import photos
from mailtalk.conversations.photos import KnownPhoto
from mailtalk.errors import Invalid, Unavailable
from mailtalk.mail.parsing.parse import Thumbnail
from mailtalk.webhooks import http_fetch
from worker.parser_pool import ParserPool

LARGEST = 5_000_000  # bytes of a photo
FETCHING = 2  # photos at a time


class Photos:
    """Fetching of a process: a few photos at a time."""

    def __init__(self) -> None:
        self.fetching = asyncio.Semaphore(FETCHING)
        self._parsers = ParserPool(FETCHING)  # their processes start with the first photo

    async def fetched(self, services: Services, url: str) -> Thumbnail | None:
        """Photo of a URL, small and square; None if there is none."""
        response = await http_fetch.fetch(services.guard, url, LARGEST)
        if response is None or not response.headers.get(b"content-type", b"").lower().startswith(b"image/"):
            return None
        return await run_in_threadpool(self._small, response.body)

    def _small(self, content: bytes) -> Thumbnail | None:
        with self._parsers.take() as parser:
            (photo,) = parser.thumbnails([content], are_portraits=True)
        return photo


async def answer(request: Request) -> Response:
    """Answer GET with the photo; 404 for a wrong signature, a user without a photo, and one that cannot be had."""
    services: Services = request.app.state.services
    owner = _owner(services, request)
    try:
        photo = await _photo(services, request.app.state.photos, *owner) if owner else None
    except Unavailable:
        return Response(status_code=503, headers=GUARDS | {"Retry-After": "1"})
    if photo is None or photo.content is None:
        return Response(status_code=404, headers=GUARDS)
    return Response(photo.content, headers=GUARDS, media_type=photo.content_type)


ROUTES = [Route(files.PHOTOS + "/{appId}/{userId}", answer, methods=["GET"])]


def _owner(services: Services, request: Request) -> tuple[str, str] | None:
    """App and user of a link that is ours, while photos are shown."""
    try:
        app_id, user_id = (wire.path_value(name, request.path_params[name]) for name in ("appId", "userId"))
    except Invalid:
        return None
    signature, content = request.query_params.get("signature", ""), f"{app_id}\x00{user_id}"
    is_ours = services.links.photos and signed.verifies(services.keyring, signed.PHOTO, content, signature)
    return (app_id, user_id) if is_ours else None


async def _photo(services: Services, fetcher: Photos, app_id: str, user_id: str) -> KnownPhoto | None:
    """The photo that is kept, or fetched now; another request may have fetched it while this one waited."""
    known = await _known(services, app_id, user_id)
    if known is None or known.is_fresh:
        return known
    async with fetcher.fetching:
        known = await _known(services, app_id, user_id)
        if known is None or known.is_fresh:
            return known
        photo, url = await fetcher.fetched(services, known.url), known.url
        now = clock.now()
        await services.transact(lambda session: photos.keep(session, app_id, user_id, url, photo, now))
    return await _known(services, app_id, user_id)


async def _known(services: Services, app_id: str, user_id: str) -> KnownPhoto | None:
    return await services.transact(lambda session: photos.find(session, app_id, user_id, clock.now()))
