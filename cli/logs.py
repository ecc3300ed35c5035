"""Log output: one line an event on stderr, with control characters escaped."""

import logging
import sys

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class OneLine(logging.Formatter):
    """Formats an event as one line, control characters escaped; a traceback follows, indented."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  logging's name
        """Format the event as one printable line."""
        line = super().formatMessage(record)
        return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)

    def formatException(self, ei: object) -> str:  # noqa: N802  logging's name
        """Indent the traceback, so that no line of it looks like an event."""
        return "\n".join(f"    {line}" for line in super().formatException(ei).splitlines())  # type: ignore[arg-type]


def setup() -> None:
    """Log our packages from INFO, libraries from WARNING."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine(FORMAT))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in ("api", "smtp_bridge", "worker", "mailtalk"):
        logging.getLogger(name).setLevel(logging.INFO)
