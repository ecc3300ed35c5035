"""Readers: what is hostile in a mail meets a process of its own."""

from collections.abc import Iterator
from contextlib import contextmanager

from mailtalk.mail import parse, reading
from mailtalk.mail.reading import Reading
from mailtalk.mail.reply import Reply


class Readers:
    """Readers to be had, each for one mail at a time."""

    @contextmanager
    def take(self) -> Iterator["Reader"]:
        """Have a reader to oneself while the block runs."""
        yield Reader()

    def close(self) -> None:
        """End them."""


class Reader:
    """Reads one mail."""

    def __init__(self) -> None:
        self._mail: parse.Mail | None = None
        self._domain = ""

    def read(self, raw: bytes, mail_from: str, own_domain: str) -> Reading:
        """Judge the mail, and keep it in mind."""
        self._mail, self._domain = parse.parse(raw), own_domain
        return reading.read(self._mail, raw, mail_from=mail_from, own_domain=own_domain)

    def words(self, sent: bytes | None) -> Reply:
        """What the person wrote in the mail in mind."""
        if self._mail is None:
            raise LookupError("no mail was read")
        return reading.words(self._mail, own_domain=self._domain, sent=sent)
