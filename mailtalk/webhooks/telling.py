"""A telling: one event for one endpoint, and the bytes that say it, the same at every try."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mailtalk import clock


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
        return f"evt_{self.event_id}"

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
