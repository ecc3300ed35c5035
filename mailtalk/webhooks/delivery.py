"""A telling: one event for one endpoint, and the bytes that say it, the same at every try."""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from mailtalk import clock
from mailtalk.files import Links
from mailtalk.ids import EVENT


@dataclass(frozen=True, slots=True)
class Telling:
    """One event that is to be told; no type: it was purged."""

    id: int
    attempts: int
    event_id: int
    type: str | None
    created_at: datetime | None
    data: dict[str, Any] | None
    conversation_id: str | None
    seq: int | None

    @property
    def name(self) -> str:
        """The event's id on the wire, by which receivers know a repeat."""
        return EVENT.show(self.event_id)

    def linked(self, links: Links, app_id: str) -> "Telling":
        """The same, with links to files that came by mail; they are as old as the event, so that each try is equal."""
        if self.data is None or self.created_at is None:
            return self
        data, at = dict(self.data), self.created_at

        def shown(message: dict[str, Any]) -> dict[str, Any]:
            return message | {"attachment": links.shown(app_id, message.get("attachment"), at)}

        if "message" in data:
            data["message"] = shown(data["message"])
        if "messages" in data:
            data["messages"] = [shown(message) for message in data["messages"]]
        return replace(self, data=data)

    @property
    def body(self) -> bytes:
        """TalkJS's four keys, and where the event stands in its conversation."""
        content = {
            "id": self.name,
            "type": self.type,
            "createdAt": clock.millis(self.created_at) if self.created_at else None,
            "data": self.data,
            "conversationId": self.conversation_id,
            "sequence": self.seq,
        }
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
