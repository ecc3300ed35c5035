"""What is asked rightly and wrongly, and the reasons of an answer that refuses."""

from typing import Any

import httpx

HELLO, ALICE = "/conversations/hello", "/users/alice"
PART, MESSAGES = f"{HELLO}/participants/alice", f"{HELLO}/messages"
SAY = {"type": "UserMessage", "sender": "alice", "text": "hi"}
DEEP = '{"a":' * 5_000 + "1" + "}" * 5_000


def reasons(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 400, answer.text
    body = answer.json()
    assert body.keys() == {"errorCode", "reasons"}
    found: dict[str, Any] = body["reasons"]
    return found
