"""Event deliveries: one event for one endpoint, and its JSON body, which is byte-equal at every attempt."""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from mailtalk import clock, ids
from mailtalk.events import content
from mailtalk.files import Links


@dataclass(frozen=True, slots=True)
class EventDelivery:
    """A queued delivery with its event; `type` is None if the event was purged."""

    id: int
    attempts: int
    event_id: int
    type: str | None
    created_at: datetime | None
    data: dict[str, Any] | None
    conversation_id: str | None
    seq: int | None

    @property
    def public_id(self) -> str:
        """The event's id on the wire, the same at every attempt and replay: receivers drop repeats by it."""
        return ids.EVENT.show(self.event_id)

    def with_file_links(self, links: Links, app_id: str) -> "EventDelivery":
        """The delivery with links to files; they are as old as the event, so that every attempt is byte-equal."""
        if self.data is None or self.created_at is None:
            return self
        data, created_at = dict(self.data), self.created_at

        def with_link(message: dict[str, Any]) -> dict[str, Any]:
            file, blocks = message.get("attachment"), message.get("content", [])
            shown = links.shown(app_id, file, created_at)
            block = [content.file_block(shown, file)] if file and shown else []
            return message | {"attachment": shown, "content": [*blocks, *block]}

        if "message" in data:
            data["message"] = with_link(data["message"])
        if "messages" in data:
            data["messages"] = [with_link(message) for message in data["messages"]]
        return replace(self, data=data)

    @property
    def body(self) -> bytes:
        """TalkJS's four keys, and the event's place in its conversation."""
        envelope = {
            "id": self.public_id,
            "type": self.type,
            "createdAt": clock.millis(self.created_at) if self.created_at else None,
            "data": self.data,
            "conversationId": self.conversation_id,
            "sequence": self.seq,
        }
        return json.dumps(envelope, ensure_ascii=False, separators=(",", ":")).encode()
