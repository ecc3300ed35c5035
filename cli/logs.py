"""Logs: one line an event on stderr, whatever stands in its values."""

import logging
import sys

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class OneLine(logging.Formatter):
    """Control characters in what others wrote are shown, not obeyed; a traceback goes below, indented."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  logging's name
        """The event as one printable line."""
        line = super().formatMessage(record)
        return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)

    def formatException(self, ei: object) -> str:  # noqa: N802  logging's name
        """The traceback, indented, so that a line of it never looks like an event."""
        return "\n".join(f"    {line}" for line in super().formatException(ei).splitlines())  # type: ignore[arg-type]


def setup() -> None:
    """Log from INFO on; libraries from WARNING on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine(FORMAT))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in ("api", "smtp_bridge", "worker", "mailtalk"):
        logging.getLogger(name).setLevel(logging.INFO)
