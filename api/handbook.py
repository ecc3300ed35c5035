"""`/docs`: the documentation site, where `make docs` has built it; else the API's description alone."""

import os
import re
from base64 import b64encode
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

SITE = Path(__file__).parent / "site"
START = "index.html"
_INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)
# The theme sets style attributes; a worker of its own searches.
_POLICY = (
    "default-src 'none'; script-src 'self'{hashes}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class _Site(StaticFiles):
    """Files of the site, each page with a policy that allows its own scripts alone."""

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["X-Content-Type-Options"] = "nosniff"
        if str(full_path).endswith(".html"):
            response.headers["Content-Security-Policy"] = _policy(str(full_path), stat_result.st_mtime)
        return response


def routes(site: Path = SITE) -> list[BaseRoute]:
    """Routes of the site, below the description's own `/docs/api`."""

    async def start(_request: Request) -> Response:
        return RedirectResponse(f"/docs/{START}" if (site / START).exists() else "/docs/api")

    pages = [Mount("/docs", _Site(directory=site))] if site.is_dir() else []
    return [Route("/docs", start), *pages]


@lru_cache(maxsize=256)
def _policy(path: str, _changed: float) -> str:
    """Policy of a page, by the digests of its inline scripts."""
    scripts = _INLINE.findall(Path(path).read_text(encoding="utf-8"))
    digests = dict.fromkeys(b64encode(sha256(script.encode()).digest()).decode() for script in scripts)
    return _POLICY.format(hashes="".join(f" 'sha256-{digest}'" for digest in digests))
