"""Files of messages, by signed links that expire. The link is the credential."""

import re
from typing import Annotated, cast
from urllib.parse import quote
from uuid import UUID

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from api import wire
from api.downloads import FileStream, NotSatisfiable, requested_range
from api.request import Services
from api.routing import route
from api.schemas.types import Error
from api.wire import Answer
from mailtalk import clock, files
from mailtalk.errors import ErrorCode, Invalid, NotFound
from mailtalk.models import File

PATH = files.PATH + "/{appId}/{fileId}/{name}"
# Content types served as they are; everything else, HTML and SVG above all, is application/octet-stream.
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


FileContent = Annotated[str, Meta(extra_json_schema={"contentMediaType": BYTES})]


class LinkQuery(msgspec.Struct):
    """Query of a signed link."""

    expires: Annotated[
        str, Meta(pattern="^[0-9]{1,12}$", description="When the link expires, in seconds.", examples=["1767323045"])
    ]
    signature: Annotated[
        str, Meta(min_length=1, description="The link's signature.", examples=["mSbvC0VhQ1YbKXyWqLkFZd2nUaTgR5eP"])
    ]


@route(
    "GET",
    PATH,
    "Messages",
    missing=[ErrorCode.FILE_NOT_FOUND],
    is_open=True,
    takes_range=True,
    media=BYTES,
    query_schema=LinkQuery,
)
async def get_file(request: Request) -> Answer[FileContent]:
    """Get a file of a message.

    Follow the `url` of a message's attachment; it works without a credential until it expires. An unknown file, a wrong
    signature and an expired link are the same 404. A `Range` of bytes is answered 206, one outside the file 416.
    """
    services: Services = request.app.state.services
    file = None
    if _is_signed(services, request):
        app_id, file_id = _app_id(request), UUID(request.path_params["fileId"])
        file = await services.transact(lambda session: files.find(session, app_id, file_id))
    if file is None:
        raise NotFound({"fileId": ["not found, or the link has expired"]}, ErrorCode.FILE_NOT_FOUND)
    return cast("Answer[FileContent]", _answer(request, services, file))  # whichever way it is sent


def disposition(name: str) -> str:
    """Content-Disposition (RFC 6266): an ASCII file name for old clients, and the full one (RFC 8187)."""
    return f"attachment; filename=\"{_PLAIN.sub('_', name)}\"; filename*=UTF-8''{quote(name, safe='')}"


def _answer(request: Request, services: Services, file: File) -> Response:
    """Answer with a file, a range of it, or 304 if the client has it (RFC 9110 13 and 14)."""
    tag = f'"{file.id.hex}"'
    headers = GUARDS | {"Content-Disposition": disposition(file.name), "Content-Type": _type(file)}
    headers |= {"ETag": tag, "Accept-Ranges": "bytes"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if request.method == "HEAD":
        return Response(headers=headers | {"Content-Length": str(file.size)})
    try:
        span = requested_range(request.headers.get("range"), file.size)
    except NotSatisfiable:
        error = Error(ErrorCode.RANGE_NOT_SATISFIABLE, {"Range": [f"the file has {file.size} bytes"]})
        return wire.reply(error, 416, {"Content-Range": f"bytes */{file.size}"})
    if span is None or request.headers.get("if-range", tag) != tag:
        return FileStream(services, file, range(file.size), 200, headers)
    content_range = {"Content-Range": f"bytes {span.start}-{span.stop - 1}/{file.size}"}
    return FileStream(services, file, span, 206, headers | content_range)


def _is_signed(services: Services, request: Request) -> bool:
    file_id, expires = request.path_params["fileId"], request.query_params.get("expires", "")
    if not (_ID.fullmatch(file_id) and _EXPIRES.fullmatch(expires)):
        return False
    signature = request.query_params.get("signature", "")
    return files.is_signed(services.keyring, _app_id(request), file_id, int(expires), signature, clock.now())


def _app_id(request: Request) -> str:
    try:
        return wire.path_value("appId", request.path_params["appId"])
    except Invalid:
        return ""  # no app, and so no link


def _type(file: File) -> str:
    return file.content_type if SHOWN.fullmatch(file.content_type) else BYTES
