"""Secrets in attached files: our reply addresses and login-free links, which no other participant may learn.

A text of any type (calendar, vCard, mail, log, JSON, CSV) is kept with its secrets replaced. A file that is no text is
searched as it stands, in base64, in UTF-16 and within ZIP archives; one that holds a secret is withheld.
"""

import re
import zipfile
from base64 import b64encode
from binascii import Error as NotBase64
from binascii import a2b_base64
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from itertools import islice

from mailtalk.mail.parsing.parse import MailAttachment

HIDDEN = b"..."
_SHORTEST = 48  # characters of an address in base64
_UNPACKED = 30_000_000  # bytes of an archive's members that are searched
_MEMBERS = 500
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\f\x1b"))
# A line may be folded anywhere: by quoted-printable, a calendar, a vCard or a mail's header.
_FOLD = rb"(?:=?\r?\n[ \t]?)?"
_BASE64 = re.compile(rb"[A-Za-z0-9+/]{20,}+(?:\r?\n[ \t]?[A-Za-z0-9+/]++)*+={0,2}")
_URL_SAFE = re.compile(rb"[A-Za-z0-9_-]{20,}+={0,2}")
_UNFOLD = rb"(?:[ \t]?\n\r?=?)?"
# Backwards from the @, so that each @ costs one look. A point and 32 hexadecimal digits are our Message-IDs.
_LOCAL_REVERSED = re.compile(
    rb"(?:(?:%b[a-z2-7]){39}%bb|(?:%b[a-z0-9]){30})(?![a-f0-9]{2}\.)" % (_UNFOLD, _UNFOLD, _UNFOLD),
    re.IGNORECASE,
)
_BEFORE = 160  # bytes of a local part, folded as often as it can be
_AT = rb"(?:@|%40|=40|\\u0040|&#64;|&#x40;)"


def _folded(word: bytes) -> bytes:
    return _FOLD.join(re.escape(word[at : at + 1]) for at in range(len(word)))


_PAGES = rb"|".join(_folded(page) for page in (b"settings", b"unsubscribe", b"inbound/release"))
_LINK = re.compile(
    rb"((?:/|%%2F|=2F)%b(?:%b)%b(?:/|%%2F|=2F)%b)(?:[\w-]%b){39,59}[\w-](?![\w-])"
    % (_FOLD, _PAGES, _FOLD, _FOLD, _FOLD),
    re.IGNORECASE,
)


class FileSecrets:
    """Finder and replacer of the secrets of one reply domain."""

    def __init__(self, domain: str) -> None:
        self._domain = domain.lower().encode()
        self._host = re.compile(_AT + _FOLD + _folded(self._domain), re.IGNORECASE)

    def cleaned(self, file: MailAttachment) -> MailAttachment:
        """File as it may be shown: unchanged, with its secrets replaced, or withheld."""
        if not self._domain:
            return file
        if _is_text(file.content):
            return replace(file, content=self.masked(file.content))
        return replace(file, content=b"", withheld=True) if self._is_within(file.content) else file

    def masked(self, text: bytes) -> bytes:
        """Text, such as a mail's source, with its secrets replaced, in base64 and quoted-printable too."""
        return self._scrub(_BASE64.sub(self._recoded, text))

    def _scrub(self, content: bytes) -> bytes:
        """Bytes with addresses and link tokens replaced."""
        pieces, end = list[bytes](), 0
        for host in self._host.finditer(content):
            local = _LOCAL_REVERSED.match(content[max(host.start() - _BEFORE, end) : host.start()][::-1])
            if local:
                pieces += (content[end : host.start() - len(local[0])], HIDDEN)
                end = host.end()
        return _LINK.sub(rb"\1" + HIDDEN, b"".join((*pieces, content[end:])))

    def _recoded(self, block: re.Match[bytes]) -> bytes:
        """A block of base64 with the secrets in it replaced; one without any stays as it is."""
        for offset, inner in enumerate(_decodings(block)):
            clean = self._scrub(inner)
            if clean != inner:
                return block[0][:offset] + b"\r\n".join(_lines(b64encode(clean)))
        return block[0]

    def _is_within(self, content: bytes) -> bool:
        return any(self._scrub(piece) != piece for piece in (content, content.replace(b"\0", b""), *_inner(content)))


def _is_text(content: bytes) -> bool:
    """True for bytes without control characters, in any charset that keeps ASCII."""
    return len(content.translate(None, _CONTROLS)) == len(content) and not content.startswith(b"%PDF")


def _inner(content: bytes) -> Iterator[bytes]:
    """Inner contents of a file: its base64 blocks, and the members of a ZIP archive (also of office documents)."""
    for pattern in (_BASE64, _URL_SAFE):
        for block in pattern.finditer(content):
            yield from _decodings(block)
    if content.startswith(b"PK"):
        yield from _members(content)


def _members(content: bytes) -> Iterator[bytes]:
    left = _UNPACKED
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            for member in islice(archive.infolist(), _MEMBERS):
                with archive.open(member) as file:
                    data = file.read(left)
                left -= len(data)
                yield data
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError, ValueError, EOFError):
        return  # broken or encrypted: a secret inside is unreadable for anyone


def _decodings(block: re.Match[bytes]) -> Iterator[bytes]:
    """A block of base64 decoded from each of its first four characters, since others may stand before it."""
    if len(block[0]) >= _SHORTEST:
        yield from (_decoded(block[0][offset:]) for offset in range(4))


def _decoded(block: bytes) -> bytes:
    compact = block.translate(bytes.maketrans(b"-_", b"+/"), b"\r\n \t=")
    try:
        return a2b_base64(compact[: len(compact) // 4 * 4])
    except NotBase64:
        return b""


def _lines(encoded: bytes) -> Iterator[bytes]:
    return (encoded[at : at + 76] for at in range(0, len(encoded), 76))
