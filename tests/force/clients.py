"""Clients under faults: each sends again what was not answered, and writes down what it was told."""

import random
import smtplib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from time import monotonic

import httpx
from histories import Call, operation
from stacks import ForkedStack

PAUSE = 0.02  # seconds before the same is tried again
HASTY = 10.0  # seconds that a client waits
REST = 0.1  # seconds between two mails of a person: what waits in the end waits because of faults, not of a flood
METHODS = {"PUT", "PATCH", "DELETE"}


@dataclass
class History:
    """What clients were told: changes by conversation, and the texts of messages and mails by author, in order."""

    changes: dict[str, list[Call]] = field(default_factory=dict)
    texts: dict[tuple[str, str], list[str]] = field(default_factory=dict)  # by conversation and author
    mails: list[bytes] = field(default_factory=list)

    @property
    def operations(self) -> int:
        """Number of all that was acknowledged."""
        return sum(map(len, self.changes.values())) + sum(map(len, self.texts.values()))


@contextmanager
def running(*clients: "Client") -> Iterator[threading.Event]:
    """Run clients until the block ends; each finishes what it has begun."""
    stop = threading.Event()
    threads = [threading.Thread(target=client.run, args=(stop,)) for client in clients]
    for thread in threads:
        thread.start()
    yield stop
    stop.set()
    for thread in threads:
        thread.join()


class Client:
    """One that does one thing after the other."""

    def __init__(self, stack: ForkedStack, history: History, conversation: str, user: str, seed: object) -> None:
        self.stack, self.history, self.conversation, self.user = stack, history, conversation, user
        self.rng = random.Random(f"{seed}/{conversation}/{user}")
        self.http = stack.client()

    def run(self, stop: threading.Event) -> None:
        """Do it again and again."""
        with self.http:
            for number in count(1):
                if stop.is_set():
                    return
                self.act(f"{self.conversation}-{self.user}-{number}")

    def act(self, name: str) -> None:
        """Do one thing until it is acknowledged."""
        raise NotImplementedError

    def ask(self, method: str, path: str, body: object, key: str) -> httpx.Response:
        """Ask until there is an answer, always the same."""
        headers = {"Idempotency-Key": key, "Prefer": "wait=5"}
        while True:
            with suppress(httpx.TransportError):
                answer = self.http.request(method, path, json=body, headers=headers)
                if answer.status_code not in {409, 503} or "PARTICIPANT_LIMIT" in answer.text:
                    return answer
            threading.Event().wait(PAUSE)


class Changer(Client):
    """Changes participants."""

    users: Sequence[str] = ()

    def act(self, name: str) -> None:
        asked = operation(self.rng, self.users)
        while asked.method not in METHODS:
            asked = operation(self.rng, self.users)
        path = f"/conversations/{self.conversation}/participants/{asked.user}"
        self.http.headers["TalkJS-REST-Version"] = asked.version
        invoked = monotonic()
        answer = self.ask(asked.method, path, asked.body, name)
        change = answer.headers["Operation-Location"].rpartition("/")[2]
        call = Call(asked, invoked, monotonic(), answer.status_code, change)
        self.history.changes.setdefault(self.conversation, []).append(call)


class Writer(Client):
    """Posts messages."""

    def act(self, name: str) -> None:
        body = [{"type": "UserMessage", "sender": self.user, "text": name}]
        answer = self.ask("POST", f"/conversations/{self.conversation}/messages", body, name)
        assert answer.status_code == 200, answer.text
        self.history.texts.setdefault((self.conversation, self.user), []).append(name)


class Mailer(Client):
    """Sends mails; now and then it is gone before the answer, and sends the same again."""

    address = ""

    def act(self, name: str) -> None:
        raw = f"From: {self.user}@example.com\r\nMessage-ID: <{name}@example.com>\r\n\r\n{name}\r\n".encode()
        while not self._deliver(raw):
            threading.Event().wait(PAUSE)
        self.history.mails.append(raw)
        self.history.texts.setdefault((self.conversation, self.user), []).append(name)
        threading.Event().wait(REST)

    def _deliver(self, raw: bytes) -> bool:
        try:
            with smtplib.SMTP(*self.stack.smtp, local_hostname="mta.example", timeout=HASTY) as client:
                client.ehlo()
                client.mail(f"{self.user}@example.com")
                if client.rcpt(self.address)[0] != 250 or client.docmd("DATA")[0] != 354:
                    return False
                client.send(raw + b".\r\n")
                if self.rng.random() < 0.1:
                    client.close()
                    return False
                return client.getreply()[0] == 250
        except (OSError, smtplib.SMTPException):
            return False
