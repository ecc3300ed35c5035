"""The peer that accepts mail and keeps nothing: aiosmtpd as its documentation shows it. `aiosmtpd_nothing.py PORT`."""

import signal
import sys
from typing import Any

from aiosmtpd.controller import Controller


class Nothing:
    """A handler that answers 250."""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802, ARG002  aiosmtpd's
        """Accept the mail and forget it."""
        return "250 OK"


if __name__ == "__main__":
    controller = Controller(Nothing(), hostname="127.0.0.1", port=int(sys.argv[1]))
    controller.start()
    signal.sigwait([signal.SIGTERM])
    controller.stop()
