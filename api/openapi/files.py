"""What is said of files that came with mails."""

from typing import Annotated

from msgspec import Meta

from api import files
from api.openapi.entry import Entries, Entry, query

Content = Annotated[str, Meta(extra_json_schema={"contentMediaType": files.BYTES})]

ENTRIES: Entries = {
    ("GET", files.PATH): Entry(
        name="getFile",
        tag="Messages",
        summary="Get a file that came with a mail",
        text="Follow the `url` of a message's attachment; it works without a credential until it expires. "
        "An unknown file, a wrong signature and an expired link are the same 404.",
        query=(
            query("expires", {"type": "string", "pattern": "^[0-9]{1,12}$"}, "When the link ends.", required=True)
            | {"example": "1767323045"},
            query("signature", {"type": "string", "minLength": 1}, "Who has it may have the file.", required=True)
            | {"example": "mSbvC0VhQ1YbKXyWqLkFZd2nUaTgR5eP"},
        ),
        answer=Content,
        example="(the file's bytes)",
        media=files.BYTES,
        missing=("FILE_NOT_FOUND",),
        is_open=True,
    ),
}
