"""Uploads: a file in multipart/form-data, streamed to disk, then sealed and stored; messages use it by its token."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from hashlib import sha256

import msgspec
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from api.body import bounded
from api.files import BYTES
from api.idempotency_header import claim
from api.request import Call
from api.routing import MULTIPART, route
from api.schemas.messages import FileUpload, UploadedFile
from api.wire import Answer
from mailtalk import clock, files
from mailtalk.errors import Invalid, TooLarge, Unavailable
from mailtalk.mail.parsing import filenames
from mailtalk.mail.parsing.parse import MailAttachment
from worker.parser_pool import ParserPool

FIELD = "file"
FIELDS = 20  # fields beside the file, which are ignored
FIELD_BYTES = 10_000  # of one field
OVERHEAD = 100_000  # bytes of a request beside its file
MOST = 32  # files that are being received
STORING = 2  # files in memory, to be sealed and stored
_TYPE = re.compile(r"[\w.+-]{1,100}/[\w.+-]{1,100}", re.ASCII)


class Uploads:
    """Limits of the uploads of a process: size of a file, files being received, and files in memory."""

    def __init__(self, file_bytes: int) -> None:
        self.file_bytes = file_bytes
        self.storing = asyncio.Semaphore(STORING)
        self._receiving = asyncio.Semaphore(MOST)
        self._parsers = ParserPool(STORING)  # their processes start with the first picture

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Count an upload while the block runs. Unavailable if there are too many."""
        if self._receiving.locked():
            raise Unavailable("too many uploads at the same time")
        async with self._receiving:
            yield

    async def pictured(self, file: MailAttachment) -> MailAttachment:
        """The file with its thumbnail, if it is a picture; one that cannot be made now is missing."""
        return await run_in_threadpool(self._pictured, file) if files.may_have_thumbnail(file) else file

    def _pictured(self, file: MailAttachment) -> MailAttachment:
        try:
            with self._parsers.take() as parser:
                (thumbnail,) = parser.thumbnails([file.content])
        except Unavailable:
            return file
        return replace(file, thumbnail=thumbnail)


@route("POST", "/files", "Messages", body_schema=FileUpload, body_media=MULTIPART, streams=True)
async def upload_file(call: Call) -> Answer[UploadedFile]:
    """Upload a file.

    In the field `file`; other fields are ignored. The token sends it in messages, as `attachmentToken` or in a `file`
    block, as often as you like. A file that no message has used within a day is deleted, and so is one whose messages
    are.
    """
    uploads: Uploads = call.request.app.state.uploads
    async with uploads.one(), _received(call.request, uploads.file_bytes) as received, uploads.storing:
        file = await uploads.pictured(await _attachment(received))
        digest = msgspec.json.encode([file.name, file.content_type, sha256(file.content).hexdigest()])
        claimed = claim(call.request, call.app_id, call.version.name, digest)

        def store(session: Session) -> UploadedFile:
            token = files.upload(session, call.services.keyring, call.app_id, file, clock.now())
            return UploadedFile(token, token)

        return await replace(call, claim=claimed).commit(store)


@asynccontextmanager
async def _received(request: Request, most: int) -> AsyncIterator[UploadFile]:
    """The request's file, on disk while the block runs. Invalid, or TooLarge."""
    if request.headers.get("content-encoding", "identity") != "identity":
        raise HTTPException(415, "Content-Encoding must be identity")
    if not request.headers.get("content-type", "").lower().startswith(MULTIPART):
        raise Invalid({"body": [f"must be {MULTIPART} with the field {FIELD}"]})
    body = bounded(request, most + OVERHEAD, _too_large(most))
    parser = MultiPartParser(request.headers, body, max_files=1, max_fields=FIELDS, max_part_size=FIELD_BYTES)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise Invalid({"body": [error.message]}) from None
    except UnicodeError:
        raise Invalid({"body": ["has names that its charset cannot hold"]}) from None
    try:
        file = form.get(FIELD)
        if not isinstance(file, UploadFile):
            raise Invalid({FIELD: ["is required, with a file name"]})
        if (file.size or 0) > most:
            raise _too_large(most)
        yield file
    finally:
        await form.close()


async def _attachment(file: UploadFile) -> MailAttachment:
    declared = (file.content_type or "").partition(";")[0].strip().lower()
    content_type = declared if _TYPE.fullmatch(declared) else BYTES
    name = filenames.safe(file.filename or "", content_type)
    return MailAttachment(name, content_type, await file.read(), content_id=None, inline=False)


def _too_large(most: int) -> TooLarge:
    return TooLarge({FIELD: [f"is larger than {most} bytes"]})
