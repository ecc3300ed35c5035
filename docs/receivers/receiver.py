"""A receiver of Mailtalk's webhooks: `WEBHOOK_SECRET=whsec_… python receiver.py 9000`. Python 3.11, nothing else.

It believes only what is signed and fresh, takes each event once also when it comes again, and answers before it works.
"""

import base64
import hashlib
import hmac
import json
import os
import sqlite3
import sys
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = os.environ["WEBHOOK_SECRET"]
TOLERANCE = 300  # seconds that the clocks may differ
LARGEST = 2_000_000  # bytes


def is_standard(headers, body):
    """Whether one of the signatures of Standard Webhooks is right."""
    key = base64.b64decode(SECRET.removeprefix("whsec_")) if SECRET.startswith("whsec_") else SECRET.encode()
    signed = b".".join((headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body))
    wanted = "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    found = [hmac.compare_digest(each.encode(), wanted.encode()) for each in headers["webhook-signature"].split(" ")]
    return any(found) and is_fresh(float(headers["webhook-timestamp"]))


def is_talkjs(headers, body):
    """Whether TalkJS's signature is right. While a secret is changed, this is of the new one."""
    timestamp = headers["X-TalkJS-Timestamp"]
    wanted = hmac.digest(SECRET.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hex().upper()
    return hmac.compare_digest(headers["X-TalkJS-Signature"].encode(), wanted.encode()) and is_fresh(
        float(timestamp) / 1000
    )


def is_trusted(headers, body):
    """Whether one of the two signatures is right: each is enough."""
    for is_right in (is_standard, is_talkjs):
        with suppress(KeyError, ValueError, TypeError, AttributeError):  # a header is missing, or is nothing of ours
            if is_right(headers, body):
                return True
    return False


def is_fresh(moment):
    """Whether a request is not an old one that somebody sends again."""
    return abs(time.time() - moment) <= TOLERANCE


class SeenEvents:
    """Remembers what was taken, over restarts; here in SQLite, in your program where its data is."""

    def __init__(self, path):
        self.lock = threading.Lock()
        self.db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self.db.execute("CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY)")
        self.db.execute("CREATE TABLE IF NOT EXISTS places (conversation TEXT PRIMARY KEY, sequence INTEGER)")

    def take(self, event):
        """None for a repeat; else whether the event is the newest of its conversation so far.

        Events come in order; one that was given up and replayed later comes after younger ones: it is not the newest.
        """
        conversation, sequence = event["conversationId"] or "", event["sequence"] or 0
        with self.lock, self.db:  # your effect belongs in the same transaction
            self.db.execute("BEGIN IMMEDIATE")
            if self.db.execute("INSERT OR IGNORE INTO seen VALUES (?)", [event["id"]]).rowcount == 0:
                return None
            place = self.db.execute("SELECT sequence FROM places WHERE conversation = ?", [conversation]).fetchone()
            newest = place is None or sequence > place[0]
            if newest:
                self.db.execute("INSERT OR REPLACE INTO places VALUES (?, ?)", [conversation, sequence])
            return newest


class Receiver(BaseHTTPRequestHandler):
    """Answers 204 for what was taken, also earlier; 401 for what is not Mailtalk's."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        """Take one event."""
        length = int(self.headers.get("Content-Length", 0))
        if not 0 < length <= LARGEST:
            self.close_connection = True
            return self.answer(413)
        body = self.rfile.read(length)
        if not is_trusted(self.headers, body):
            return self.answer(401)
        event = json.loads(body)
        newest = SEEN.take(event)
        if newest is not None:
            handle(event, newest)
        return self.answer(204)

    def answer(self, status):
        """Answer without a body."""
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments):
        """Log nothing."""


def handle(event, newest):
    """Do what you want to do; this prints."""
    told = {"id": event["id"], "type": event["type"], "sequence": event["sequence"], "newest": newest}
    print(json.dumps(told), flush=True)  # noqa: T201


if __name__ == "__main__":
    SEEN = SeenEvents(os.environ.get("WEBHOOK_SEEN", "seen.sqlite"))
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
