"""Keys of live addresses that MAILTALK_SECRET_KEY lacks: while there are any, an unknown address may be theirs."""

import asyncio
import logging
from collections.abc import Sequence

from mailtalk.db.group_commit import Batches
from mailtalk.db.kept_connection import KeptConnection
from mailtalk.errors import Unavailable
from mailtalk.keys import Keyring
from mailtalk.participation import addresses
from mailtalk.participation.addresses import Bearer
from smtp_bridge import replies

FRESH = 30.0  # seconds until the database is asked again: junk costs no look-up

log = logging.getLogger(__name__)


class MissingKeys:
    """Answers to addresses in our form whose check characters no key of the ring explains."""

    def __init__(self, connection: KeptConnection, keyring: Keyring) -> None:
        self._connection, self._held = connection, keyring.ids
        self._missing: Sequence[int] = ()
        self._read_at = float("-inf")
        self._look_ups = Batches[str, Bearer | None](self._look_up)

    def answer(self, mailbox: str) -> "str | asyncio.Future[Bearer | None]":
        """550, or 451 while a key is missing; or a look-up, which fails with Unavailable instead of 451."""
        if asyncio.get_running_loop().time() - self._read_at > FRESH:
            return self._look_ups.submit(mailbox)
        return replies.TEMPORARY_FAILURE if self._missing else replies.NO_MAILBOX

    async def close(self) -> None:
        """Wait for the look-up in progress."""
        await self._look_ups.close()

    async def _look_up(self, mailboxes: Sequence[str]) -> list[Bearer | None]:
        rows = await self._connection.read(addresses.MISSING_KEYS, {"held": self._held})
        self._missing = [key_id for (key_id,) in rows]
        self._read_at = asyncio.get_running_loop().time()
        if self._missing:
            ids = ", ".join(f"{key_id:08x}" for key_id in self._missing)
            raise Unavailable(f"live addresses were made with key {ids}, which MAILTALK_SECRET_KEY does not hold")
        return [None] * len(mailboxes)
