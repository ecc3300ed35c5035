"""HTML of the console: its templates with their filters, and headers that forbid foreign content and inline scripts."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader
from starlette.responses import Response

from console import static_files, words
from mailtalk import clock
from mailtalk.errors import Invalid
from mailtalk.mail.composing import catalogues, spans

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
GUARDS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}
HUES = 12  # of people's initials
NONE = "-"
_STEPS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
_UNITS = ("B", "kB", "MB", "GB")
_THOUSAND = 1000


def html(template: str, values: Mapping[str, Any], status: int = 200) -> Response:
    """Render a page."""
    content = _TEMPLATES.get_template(template).render(values)
    return Response(content, status, GUARDS, media_type="text/html; charset=utf-8")


def moment(at: datetime | None) -> str:
    """Time in UTC for people, to the second; a dash for none."""
    return NONE if at is None else at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def time_of(text: str | None) -> datetime | None:
    """Time of a query's parameter in ISO 8601; None if it is not given. Invalid for any other text."""
    try:
        moment = None if not text else datetime.fromisoformat(text)
    except ValueError:
        raise Invalid({"before": ["is not a time"]}) from None
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)


def ago(at: datetime | None) -> str:
    """Age of a past time, or the time until a future one, in its largest unit."""
    if at is None:
        return "never"
    seconds = (clock.now() - at).total_seconds()
    text = duration(abs(seconds))
    return f"in {text}" if seconds < 0 else "now" if seconds < 1 else f"{text} ago"


def duration(seconds: float) -> str:
    """Seconds in their largest unit: `3 min`."""
    size, unit = next(((size, unit) for size, unit in _STEPS if seconds >= size), _STEPS[-1])
    return f"{int(seconds // size)} {unit}"


def size(count: float | None) -> str:
    """Bytes in their largest unit: `10 B`, `1.5 MB`."""
    if count is None:
        return NONE
    step = 0
    while count >= _THOUSAND and step < len(_UNITS) - 1:
        count, step = count / _THOUSAND, step + 1
    return f"{count:.3g} {_UNITS[step]}"


def hue(user_id: str | None) -> int:
    """Number of a person's colour, stable over pages."""
    return sum((user_id or "").encode()) % HUES


def segment(value: object) -> str:
    """An id as one segment of a path."""
    return quote(str(value), safe="")


_TEMPLATES = Environment(loader=PackageLoader("console", "templates"), autoescape=True, **catalogues.JINJA)
_TEMPLATES.filters |= {
    "moment": moment,
    "iso": clock.iso,
    "ago": ago,
    "duration": duration,
    "size": size,
    "hue": hue,
    "segment": segment,
    "spans": lambda text: spans.of(spans.clean(text)),
    "clean": spans.clean,
}
_TEMPLATES.globals |= {
    "static": static_files.url,
    "tones": words.TONES,
    "notify_words": words.NOTIFY,
    "frequency_words": words.FREQUENCY,
    "app_frequency_words": words.APP_FREQUENCY,
    "sender_words": words.SENDER,
    "origins": words.ORIGIN,
    "stage_words": words.STAGE,
    "outcome_words": words.OUTCOME,
    "verdict_words": words.VERDICT,
    "said_texts": words.SAID,
}
