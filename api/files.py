"""Files that came with mails: who has a signed link that works still may have one, without a credential."""

import re
from urllib.parse import quote
from uuid import UUID

from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from api import wire
from api.request import Services
from mailtalk import clock, files
from mailtalk.errors import ErrorCode, Invalid, NotFound
from mailtalk.models import File

PATH = files.PATH + "/{appId}/{fileId}/{name}"
# What a browser may know the type of; everything else, HTML and SVG above all, is only bytes.
SHOWN = re.compile(
    r"image/(?:png|jpeg|gif|webp|avif|heic|heif|bmp|tiff)|audio/[\w.+-]+|video/[\w.+-]+|text/(?:plain|csv|calendar)"
    r"|application/(?:pdf|zip|msword|rtf|vnd\.(?:openxmlformats|oasis\.opendocument|ms-)[\w.+-]+)"
)
BYTES = "application/octet-stream"
GUARDS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, max-age=3600",
}
_ID = re.compile(r"[0-9a-f]{32}")
_EXPIRES = re.compile(r"[0-9]{1,12}", re.ASCII)
_PLAIN = re.compile(r"[^\w.() -]", re.ASCII)


async def get(request: Request) -> Response:
    """GET: the file, to be saved; one 404 for whatever is wrong with the link."""
    services: Services = request.app.state.services
    found = await services.transact(_opened, services, request) if _is_signed(services, request) else None
    if found is None:
        raise NotFound({"fileId": ["no such file, or its link does not work any more"]}, ErrorCode.FILE_NOT_FOUND)
    file, content = found
    return Response(content, headers=GUARDS | {"Content-Disposition": disposition(file.name)}, media_type=_type(file))


def disposition(name: str) -> str:
    """As RFC 6266 has it: a plain name for old programs, the true one for all others (RFC 8187)."""
    return f"attachment; filename=\"{_PLAIN.sub('_', name)}\"; filename*=UTF-8''{quote(name, safe='')}"


def _is_signed(services: Services, request: Request) -> bool:
    file_id, expires = request.path_params["fileId"], request.query_params.get("expires", "")
    if not (_ID.fullmatch(file_id) and _EXPIRES.fullmatch(expires)):
        return False
    signature = request.query_params.get("signature", "")
    return files.is_signed(services.keyring, _app_id(request), file_id, int(expires), signature, clock.now())


def _opened(session: Session, services: Services, request: Request) -> tuple[File, bytes] | None:
    return files.opened(session, services.keyring, _app_id(request), UUID(request.path_params["fileId"]))


def _app_id(request: Request) -> str:
    try:
        return wire.path_value("appId", request.path_params["appId"])
    except Invalid:
        return ""  # of no app, and so of no link


def _type(file: File) -> str:
    return file.content_type if SHOWN.fullmatch(file.content_type) else BYTES
