"""Log output: one line an event on stderr, as text with control characters escaped, or as JSON."""

import json
import logging
import sys
from datetime import UTC, datetime

from api.request_id import request_id
from mailtalk.settings.load import Settings

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
OURS = ("api", "console", "smtp_bridge", "worker", "mailtalk")


class OneLine(logging.Formatter):
    """Formats an event as one line, control characters escaped; a traceback follows, indented."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  logging's name
        """Format the event as one printable line."""
        number = request_id.get()
        line = super().formatMessage(record) + (f" (request {number})" if number else "")
        return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)

    def formatException(self, ei: object) -> str:  # noqa: N802  logging's name
        """Indent the traceback, so that no line of it looks like an event."""
        return "\n".join(f"    {line}" for line in super().formatException(ei).splitlines())  # type: ignore[arg-type]


class JsonLine(logging.Formatter):
    """Formats an event as one line of JSON: time, level, logger, message, and requestId and error where there are."""

    def format(self, record: logging.LogRecord) -> str:
        """Format the event and its traceback."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "requestId": request_id.get(),
            "error": self.formatException(record.exc_info) if record.exc_info else None,
        }
        return json.dumps({name: value for name, value in line.items() if value is not None})


def setup(settings: Settings | None = None) -> None:
    """Log our packages from the level of the settings, libraries from WARNING; before there are settings, as text."""
    form, level = (settings.log_format, settings.log_level) if settings else ("text", "info")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLine() if form == "json" else OneLine(FORMAT))
    logging.basicConfig(level=max(logging.WARNING, _number(level)), handlers=[handler], force=True)
    for name in OURS:
        logging.getLogger(name).setLevel(_number(level))


def _number(level: str) -> int:
    return logging.getLevelNamesMapping()[level.upper()]
