"""An IMAP folder over one connection: its new mails, their bytes, moving, waiting (RFC 3501, 2177, 6851)."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import Event
from typing import NamedTuple, Self
from urllib.parse import unquote, urlsplit

from imapclient import IMAPClient  # type: ignore[import-untyped]
from imapclient.exceptions import IMAPClientError  # type: ignore[import-untyped]

from mailtalk import tls
from mailtalk.mail.parsing import limits

TIMEOUT = 60  # seconds for an answer
IDLE = 60.0  # seconds in IDLE before the folder is looked through again
POLL = 30.0  # seconds between two looks, for a server without IDLE
CHUNK = 100  # mails whose headers are fetched together
HEADER = b"BODY[HEADER]<0>"

ImapError = (IMAPClientError, OSError)


@dataclass(frozen=True, slots=True)
class ImapAccount:
    """Where a folder is: imaps://USER:PASSWORD@HOST/FOLDER, or imap://… with STARTTLS. Shown without its password."""

    url: str

    def __str__(self) -> str:
        return f"{self.user}@{self.host}/{self.folder}"

    __repr__ = __str__

    @property
    def host(self) -> str:
        """Host name."""
        return urlsplit(self.url).hostname or ""

    @property
    def user(self) -> str:
        """User name."""
        return unquote(urlsplit(self.url).username or "")

    @property
    def folder(self) -> str:
        """Name of the folder; INBOX if the URL has none."""
        return unquote(urlsplit(self.url).path.strip("/")) or "INBOX"


class StoredMail(NamedTuple):
    """A mail of the folder: its UID, its size in bytes, and the beginning of its header."""

    uid: int
    size: int
    header: bytes


class ImapFolder:
    """A selected folder. IMAPClientError or OSError for what the server refuses, or its silence."""

    def __init__(self, account: ImapAccount) -> None:
        url = urlsplit(account.url)
        is_tls = url.scheme == "imaps"
        context = tls.verified()
        self._client = IMAPClient(url.hostname, url.port, ssl=is_tls, ssl_context=context, timeout=TIMEOUT)
        try:
            if not is_tls:
                self._client.starttls(context)
            self._client.login(account.user, unquote(url.password or ""))
            selected = self._client.select_folder(account.folder)
        except BaseException:
            self._client.shutdown()
            raise
        self.validity = int(selected[b"UIDVALIDITY"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.__exit__(None, None, None)

    def make(self, folder: str) -> None:
        """Create a folder, unless it exists."""
        if not self._client.folder_exists(folder):
            self._client.create_folder(folder)

    def mails(self, first: int) -> Iterator[StoredMail]:
        """Mails from this UID on, in the order of their arrival, without marking them as read."""
        found = self._client.search(["UNDELETED", "UID", f"{first}:*"])
        uids = sorted(uid for uid in found if uid >= first)  # `*` is the last mail, whatever its UID
        for start in range(0, len(uids), CHUNK):
            yield from self._chunk(uids[start : start + CHUNK])

    def raw(self, uid: int) -> bytes:
        """Bytes of a mail; empty if it was removed meanwhile."""
        return bytes(self._client.fetch([uid], ["BODY.PEEK[]"]).get(uid, {}).get(b"BODY[]") or b"")

    def move(self, uid: int, folder: str) -> None:
        """Move a mail; without MOVE it is copied and deleted, and without UIDPLUS only marked as deleted."""
        if self._client.has_capability("MOVE"):
            self._client.move([uid], folder)
            return
        self._client.copy([uid], folder)
        self._client.delete_messages([uid])
        if self._client.has_capability("UIDPLUS"):
            self._client.uid_expunge([uid])

    def wait(self, stop: Event) -> None:
        """Return when something happened in the folder, after a while, or when `stop` is set."""
        if not self._client.has_capability("IDLE"):
            stop.wait(POLL)
            return
        self._client.idle()
        until = time.monotonic() + IDLE
        while not stop.is_set() and time.monotonic() < until and not self._client.idle_check(timeout=1):
            pass
        self._client.idle_done()

    def _chunk(self, uids: Sequence[int]) -> Iterator[StoredMail]:
        header = f"BODY.PEEK[HEADER]<0.{limits.DEFAULT.header_block}>"
        fetched = self._client.fetch(uids, ["RFC822.SIZE", header])
        for uid in uids:
            if fields := fetched.get(uid):
                yield StoredMail(uid, int(fields[b"RFC822.SIZE"]), bytes(fields.get(HEADER) or b""))
