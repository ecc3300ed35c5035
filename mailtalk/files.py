"""Files of messages, received by mail or uploaded: sealed in the database, served by signed links that expire."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session, defer

from mailtalk import sealed_parts, signed
from mailtalk.keys import Keyring
from mailtalk.mail.parsing.parse import MailAttachment
from mailtalk.models import File, Message

MOST = 20  # files of one mail
PATH, THUMBNAILS, PHOTOS = "/files", "/thumbnails", "/photos"
PICTURES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
PICTURE_BYTES = 20_000_000  # of a picture of which a thumbnail is made
_STEP = 3_600  # seconds: links made within the same hour are equal, so that caches can use them
# An author's inline files of the same size and type are rarely different pictures.
_ALIKE = text("""
    SELECT s.app_id, s.conversation_id, s.user_id, f.id, f.content_sealed, f.size, f.part_bytes
    FROM (SELECT DISTINCT * FROM unnest(CAST(:apps AS text[]), CAST(:conversations AS text[]),
        CAST(:users AS text[]), CAST(:sizes AS bigint[]), CAST(:types AS text[]))
        AS s (app_id, conversation_id, user_id, size, type)) s
    CROSS JOIN LATERAL (
        SELECT f.* FROM files f JOIN messages m ON m.app_id = f.app_id AND m.id = f.message_id
        WHERE f.app_id = s.app_id AND f.conversation_id = s.conversation_id AND f.size = s.size
            AND f.content_type = s.type AND f.inline AND m.sender_id = s.user_id LIMIT 5) f""")
Json = dict[str, Any]
Author = tuple[str, str, str]  # app, conversation, user


@dataclass(frozen=True, slots=True)
class Links:
    """Links to files and photos: signing keys, base URL, lifetime in seconds (up to an hour more), if photos are on."""

    keyring: Keyring
    base_url: str
    seconds: float
    photos: bool = False

    def shown(self, app_id: str, attachment: Mapping[str, Any] | None, now: datetime) -> Json | None:
        """Attachment of a message for API and webhooks: `{url, size}`, or None."""
        if attachment is None:
            return None
        return {"url": self._url(app_id, attachment, now), "size": attachment["size"]}

    def thumbnail(self, app_id: str, attachment: Mapping[str, Any] | None, now: datetime) -> str | None:
        """Link to the thumbnail of a message's picture; None if it has none."""
        if attachment is None or "thumbnail" not in attachment:
            return None
        expires = self._expires(now)
        content = _content(app_id, attachment["fileId"], expires)
        signature = signed.signature(self.keyring, signed.THUMBNAIL, content)
        path = "/".join(quote(part, safe="") for part in (app_id, attachment["fileId"]))
        return f"{self.base_url}{THUMBNAILS}/{path}?expires={expires}&signature={signature}"

    def photo(self, app_id: str, user_id: str) -> str | None:
        """Link to a user's photo, which does not end; None if photos are not shown."""
        if not self.photos:
            return None
        path = "/".join(quote(part, safe="") for part in (app_id, user_id))
        signature = signed.signature(self.keyring, signed.PHOTO, f"{app_id}\x00{user_id}")
        return f"{self.base_url}{PHOTOS}/{path}?signature={signature}"

    def _url(self, app_id: str, attachment: Mapping[str, Any], now: datetime) -> str:
        if "url" in attachment:  # a file hosted by the backend
            return str(attachment["url"])
        expires = self._expires(now)
        signature = signed.signature(self.keyring, signed.FILE, _content(app_id, attachment["fileId"], expires))
        path = "/".join(quote(part, safe="") for part in (app_id, attachment["fileId"], attachment["name"]))
        return f"{self.base_url}{PATH}/{path}?expires={expires}&signature={signature}"

    def _expires(self, now: datetime) -> int:
        step = int(min(self.seconds, _STEP))
        return (int(now.timestamp() + self.seconds) // step + 1) * step


def reference(file: MailAttachment) -> Json:
    """Value of a message's column `attachment` for a new file: id, name, media type and size."""
    shown = {"thumbnail": about} if (about := _about_thumbnail(file)) else {}
    return {"fileId": uuid4().hex, "name": file.name, "type": file.content_type, "size": len(file.content)} | shown


def may_have_thumbnail(file: MailAttachment) -> bool:
    """True for a picture of a type and size of which a thumbnail is made."""
    return file.content_type in PICTURES and len(file.content) <= PICTURE_BYTES


def keep(session: Session, keyring: Keyring, message: Message, file: MailAttachment) -> None:
    """Store the file of a message, sealed."""
    row = _row(keyring, message.app_id, UUID((message.attachment or {})["fileId"]), file, message.created_at)
    row.conversation_id, row.message_id = message.conversation_id, message.id
    session.add(row)


def upload(session: Session, keyring: Keyring, app_id: str, file: MailAttachment, now: datetime) -> str:
    """Store an uploaded file, sealed; returns its id, the token by which messages use it."""
    row = _row(keyring, app_id, uuid4(), file, now)
    session.add(row)
    return row.id.hex


def fresh(
    session: Session, keyring: Keyring, came: Sequence[tuple[Author, Sequence[MailAttachment]]]
) -> list[list[MailAttachment]]:
    """New files of each author's mail; a picture that recurs in an author's mails is a logo."""
    shown = [(author, file) for author, files in came for file in files if file.inline and file.content_id]
    known = _known(session, keyring, shown) if shown else {}
    return [
        [each for each in files if not (each.inline and each.content_id and each.content in known.get(author, ()))]
        for author, files in came
    ]


def find(session: Session, app_id: str, file_id: UUID) -> File | None:
    """A file without its content; None if there is none."""
    large = (File.content_sealed, File.thumbnail_sealed)
    return session.get(File, (app_id, file_id), options=[defer(column, raiseload=True) for column in large])


def thumbnail(session: Session, keyring: Keyring, app_id: str, file_id: UUID) -> tuple[str, bytes] | None:
    """Media type and content of a picture's thumbnail; None if it has none."""
    query = select(File.thumbnail, File.thumbnail_sealed).filter_by(app_id=app_id, id=file_id)
    row = session.execute(query).one_or_none()
    if row is None or row.thumbnail is None or row.thumbnail_sealed is None:
        return None
    return row.thumbnail["type"], keyring.unseal(row.thumbnail_sealed, _about_thumbnail_of(file_id))


def part_bytes(file: File) -> int:
    """Size of the parts in which a file can be read, in bytes; the last part is smaller."""
    return file.part_bytes or max(file.size, 1)


def part(session: Session, keyring: Keyring, file: File, number: int) -> bytes | None:
    """Read and decrypt one part of a file; None if the file was deleted meanwhile."""
    start, length = sealed_parts.span(number, file.size, part_bytes(file))
    query = select(func.substring(File.content_sealed, start + 1, length))
    sealed = session.scalar(query.where(File.app_id == file.app_id, File.id == file.id))
    if sealed is None:
        return None
    return sealed_parts.unseal_part(keyring, sealed, _about(file.id), number, file.size, part_bytes(file))


def is_signed(  # noqa: PLR0913, PLR0917  a link is all of these
    keyring: Keyring,
    app_id: str,
    file_id: str,
    expires: int,
    signature: str,
    now: datetime,
    purpose: signed.LinkPurpose = signed.FILE,
) -> bool:
    """True if a link's signature is ours and has not expired; `expires` in Unix seconds."""
    content = _content(app_id, file_id, expires)
    return signed.verifies(keyring, purpose, content, signature) and not signed.has_expired(expires, now)


def _row(keyring: Keyring, app_id: str, file_id: UUID, file: MailAttachment, now: datetime) -> File:
    return File(
        app_id=app_id,
        id=file_id,
        name=file.name,
        content_type=file.content_type,
        size=len(file.content),
        content_id=file.content_id,
        inline=file.inline,
        content_sealed=sealed_parts.seal(keyring, file.content, _about(file_id)),
        part_bytes=sealed_parts.PART,
        thumbnail=_about_thumbnail(file),
        thumbnail_sealed=file.thumbnail and keyring.seal(file.thumbnail.content, _about_thumbnail_of(file_id)),
        created_at=now,
    )


def _about_thumbnail(file: MailAttachment) -> Json | None:
    small = file.thumbnail
    return None if small is None else {"type": small.content_type, "width": small.width, "height": small.height}


def _known(
    session: Session, keyring: Keyring, shown: Sequence[tuple[Author, MailAttachment]]
) -> dict[Author, set[bytes]]:
    """Contents of inline files that these authors have sent before, with the same sizes and types."""
    known: dict[Author, set[bytes]] = {}
    for row in session.execute(_ALIKE, _alike(shown)):
        author = (row.app_id, row.conversation_id, row.user_id)
        content = sealed_parts.unseal(
            keyring, row.content_sealed, _about(row.id), row.size, row.part_bytes or max(row.size, 1)
        )
        known.setdefault(author, set()).add(content)
    return known


def _alike(shown: Sequence[tuple[Author, MailAttachment]]) -> dict[str, list[Any]]:
    return {
        "apps": [app_id for (app_id, _, _), _ in shown],
        "conversations": [conversation_id for (_, conversation_id, _), _ in shown],
        "users": [user_id for (_, _, user_id), _ in shown],
        "sizes": [len(file.content) for _, file in shown],
        "types": [file.content_type for _, file in shown],
    }


def _about(file_id: UUID) -> str:
    return f"file/{file_id}"


def _about_thumbnail_of(file_id: UUID) -> str:
    return f"thumbnail/{file_id}"


def _content(app_id: str, file_id: str, expires: int) -> str:
    return f"{app_id}\x00{file_id}\x00{expires}"
