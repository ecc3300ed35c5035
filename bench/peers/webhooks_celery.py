"""The peer that sends webhooks: a Celery task an event, signed and sent with requests, tried again by Celery.

`webhooks_celery.py URL EVENTS` makes the tasks.
"""

import hashlib
import hmac
import json
import os
import sys
from typing import Any
from uuid import uuid4

import requests
from celery import Celery

SECRET = b"s" * 32

app = Celery("peer", broker=os.environ["BROKER"])


@app.task(name="tell", ignore_result=True, autoretry_for=(requests.RequestException,), retry_backoff=True)
def tell(url: str, event: dict[str, Any]) -> None:
    """Send one event."""
    body = json.dumps(event).encode()
    signature = hmac.new(SECRET, body, hashlib.sha256).hexdigest()
    headers = {"Content-Type": "application/json", "X-Signature": signature}
    requests.post(url, data=body, headers=headers, timeout=10).raise_for_status()


if __name__ == "__main__":
    for number in range(int(sys.argv[2])):
        message = {"conversation": f"c{number}", "sender": "u1", "text": "Shall we meet on Thursday?"}
        tell.delay(sys.argv[1], {"id": str(uuid4()), "type": "message.sent", "data": message})
