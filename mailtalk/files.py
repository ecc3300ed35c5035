"""Files that came with mails: kept sealed with their messages, shown by signed links that expire."""

from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailtalk.keys import Key, Keyring
from mailtalk.mail.parsing.parse import Attachment
from mailtalk.models import File, Message

MOST = 20  # of one mail
PATH = "/files"
_STEP = 3_600  # seconds: links that are made in the same hour are equal, so that caches can use them
_SIGNATURE_BYTES = 24
Json = dict[str, Any]
Author = tuple[str, str, str]  # app, conversation, user


@dataclass(frozen=True, slots=True)
class Links:
    """What a link is made of: who signs it, where it leads, and how many seconds it works, or up to an hour longer."""

    keyring: Keyring
    base_url: str
    seconds: float

    def shown(self, app_id: str, attachment: Mapping[str, Any] | None, now: datetime) -> Json | None:
        """A message's attachment as the wire has it: `{url, size}`."""
        if attachment is None:
            return None
        return {"url": self._url(app_id, attachment, now), "size": attachment["size"]}

    def _url(self, app_id: str, attachment: Mapping[str, Any], now: datetime) -> str:
        if "url" in attachment:  # a file that the backend keeps
            return str(attachment["url"])
        expires = self._expires(now)
        signature = _signature(self.keyring.current, app_id, attachment["fileId"], expires)
        path = "/".join(quote(part, safe="") for part in (app_id, attachment["fileId"], attachment["name"]))
        return f"{self.base_url}{PATH}/{path}?expires={expires}&signature={signature}"

    def _expires(self, now: datetime) -> int:
        step = int(min(self.seconds, _STEP))
        return (int(now.timestamp() + self.seconds) // step + 1) * step


def reference(file: Attachment) -> Json:
    """What a message holds of its file."""
    return {"fileId": uuid4().hex, "name": file.name, "type": file.content_type, "size": len(file.content)}


def keep(session: Session, keyring: Keyring, message: Message, file: Attachment) -> None:
    """Keep a message's file, which the message refers to."""
    file_id = UUID((message.attachment or {})["fileId"])
    session.add(
        File(
            app_id=message.app_id,
            id=file_id,
            conversation_id=message.conversation_id,
            message_id=message.id,
            name=file.name,
            content_type=file.content_type,
            size=len(file.content),
            content_id=file.content_id,
            inline=file.inline,
            content_sealed=keyring.seal(file.content, about=_about(file_id)),
            created_at=message.created_at,
        )
    )


def fresh(session: Session, keyring: Keyring, author: Author, came: Sequence[Attachment]) -> list[Attachment]:
    """Those of a mail's files that are new; a picture that its author's mails show again and again is a logo."""
    shown = [each for each in came if each.inline and each.content_id]
    return [each for each in came if each not in shown or not _is_known(session, keyring, author, each)]


def opened(session: Session, keyring: Keyring, app_id: str, file_id: UUID) -> tuple[File, bytes] | None:
    """A file and its content; None when there is none, or not any more."""
    file = session.get(File, (app_id, file_id))
    return None if file is None else (file, keyring.unseal(file.content_sealed, about=_about(file.id)))


def is_signed(keyring: Keyring, app_id: str, file_id: str, expires: int, signature: str, now: datetime) -> bool:  # noqa: PLR0913, PLR0917  a link is all of these
    """Whether a link is ours and works still."""
    signer = keyring.signer(signature.encode(), lambda key: _signature(key, app_id, file_id, expires).encode())
    return signer is not None and now.timestamp() < expires


def _is_known(session: Session, keyring: Keyring, author: Author, file: Attachment) -> bool:
    alike = _alike(session, author, file)
    return any(keyring.unseal(row.content_sealed, about=_about(row.id)) == file.content for row in alike)


def _alike(session: Session, author: Author, file: Attachment) -> Iterator[File]:
    """Inline files of the same author, size and type in this conversation, few of which are different pictures."""
    app_id, conversation_id, user_id = author
    of_author = select(Message.id).where(
        Message.app_id == app_id, Message.conversation_id == conversation_id, Message.sender_id == user_id
    )
    query = select(File).where(
        File.app_id == app_id,
        File.conversation_id == conversation_id,
        File.size == len(file.content),
        File.content_type == file.content_type,
        File.inline,
        File.message_id.in_(of_author),
    )
    yield from session.scalars(query.limit(5))


def _about(file_id: UUID) -> str:
    return f"file/{file_id}"


def _signature(key: Key, app_id: str, file_id: str, expires: int) -> str:
    said = key.derive(b"file", f"{app_id}\x00{file_id}\x00{expires}".encode())
    return urlsafe_b64encode(said[:_SIGNATURE_BYTES]).decode()
