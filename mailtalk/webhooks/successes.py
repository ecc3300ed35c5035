"""Successful attempts of many queues, recorded by one statement; `results` records all others, one by one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from mailtalk.db import sql
from mailtalk.mail import address
from mailtalk.webhooks.results import Attempt

# For a kept connection; gives the ids of the deliveries that were recorded.
RECORD = sql.fragment(Path(__file__).with_name("record_successes.sql").read_text("utf-8"))


def parameters(attempts: Sequence[Attempt]) -> dict[str, Any]:
    """Parameters of RECORD."""
    rows = [
        {
            "app_id": attempt.queue.app_id,
            "webhook_id": attempt.queue.webhook_id,
            "lane": attempt.queue.name,
            "claim": attempt.queue.claim,
            "id": attempt.delivery.id,
            "status": attempt.result.status,
            "reply": address.hidden(attempt.result.text) or None,
            "at": attempt.at,
        }
        for attempt in attempts
    ]
    return {"successes": msgspec.json.encode(rows).decode(), "count": len(rows)}
