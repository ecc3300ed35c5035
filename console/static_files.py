"""Static files of the console, each under a path that changes with its content, so that browsers may keep it."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

FOLDER = Path(__file__).parent / "static"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".txt": "text/plain"}
GUARDS = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """File with its path on the wire."""

    url: str
    content: bytes
    media_type: str


def _read(path: Path) -> StaticFile:
    content = path.read_bytes()
    return StaticFile(f"/console/static/{sha256(content).hexdigest()[:12]}/{path.name}", content, TYPES[path.suffix])


FILES = {path.name: _read(path) for path in sorted(FOLDER.rglob("*")) if path.is_file()}
_BY_URL = {file.url: file for file in FILES.values()}


def url(name: str) -> str:
    """Path of a static file, for templates."""
    return FILES[name].url


async def _serve(request: Request) -> Response:
    file = _BY_URL.get(request.url.path)
    if file is None:
        raise HTTPException(404)
    return Response(file.content, headers=GUARDS, media_type=file.media_type)


ROUTES = [Route("/console/static/{hash}/{name}", _serve, methods=["GET"])]
