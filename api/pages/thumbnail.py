"""Thumbnails of pictures in mails, by signed links that expire; every reader's link is the same, so none is tracked."""

import re
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.files import GUARDS
from api.request import Services
from mailtalk import clock, files, signed
from mailtalk.errors import Unavailable

_ID = re.compile(r"[0-9a-f]{32}")
_EXPIRES = re.compile(r"[0-9]{1,12}", re.ASCII)


async def answer(request: Request) -> Response:
    """Answer GET with the picture; an unknown file, a wrong signature and an expired link are the same 404."""
    services: Services = request.app.state.services
    app_id, file_id = request.path_params["appId"], request.path_params["fileId"]
    if not _is_signed(services, request, app_id, file_id):
        return Response(status_code=404, headers=GUARDS)
    try:
        small = await services.transact(
            lambda session: files.thumbnail(session, services.keyring, app_id, UUID(file_id))
        )
    except Unavailable:
        return Response(status_code=503, headers=GUARDS | {"Retry-After": "1"})
    if small is None:
        return Response(status_code=404, headers=GUARDS)
    return Response(small[1], headers=GUARDS, media_type=small[0])


ROUTES = [Route(files.THUMBNAILS + "/{appId}/{fileId}", answer, methods=["GET"])]


def _is_signed(services: Services, request: Request, app_id: str, file_id: str) -> bool:
    expires, signature = (request.query_params.get(name, "") for name in ("expires", "signature"))
    if not (_ID.fullmatch(file_id) and _EXPIRES.fullmatch(expires)):
        return False
    return files.is_signed(services.keyring, app_id, file_id, int(expires), signature, clock.now(), signed.THUMBNAIL)
