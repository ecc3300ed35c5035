"""A mail as its pages show it: headers, text, HTML, files and source; with its secrets masked unless asked for."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import Response

from mailtalk.mail.parsing import limits
from mailtalk.mail.parsing.parse import MailAttachment, parse
from mailtalk.mail.replies.file_secrets import FileSecrets

SHOWN = 200_000  # bytes of a source
PLAIN = "<!doctype html><meta charset=utf-8><pre style='white-space:pre-wrap;font:1rem/1.5 system-ui'>"
# Of a foreign page in a sandboxed frame: it may look, and load and run nothing.
FRAME_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'self'; base-uri 'none'; "
    "form-action 'none'"
)
FRAME_GUARDS = {
    "Content-Security-Policy": FRAME_POLICY,
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class MailView:
    """A parsed mail; `problem` says why it could not be parsed, then only the source is there."""

    headers: Sequence[tuple[str, str]] = ()
    text: str | None = None
    html: str | None = None
    files: Sequence[MailAttachment] = ()
    source: str = ""
    is_cut: bool = False
    problem: str | None = None

    def header(self, name: str) -> str:
        """The first field of this name; empty if there is none."""
        return next((value for key, value in self.headers if key == name.lower()), "")


def view(raw: bytes, secrets: FileSecrets | None) -> MailView:
    """Parse a mail, after its secrets are masked (None: as it is)."""
    shown = secrets.masked(raw) if secrets else raw
    source = shown[:SHOWN].decode("utf-8", "replace").replace("\r\n", "\n")
    try:
        mail = parse(shown)
    except limits.LimitExceeded as error:
        return MailView(source=source, is_cut=len(shown) > SHOWN, problem=str(error))
    return MailView(mail.headers, mail.text, mail.html, mail.attachments, source, len(shown) > SHOWN)


def frame(mail: MailView) -> Response:
    """The mail's HTML, or its text, for a sandboxed frame."""
    content = mail.html if mail.html is not None else PLAIN + _escaped(mail.text or mail.problem or "")
    return Response(content, headers=FRAME_GUARDS, media_type="text/html; charset=utf-8")


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
