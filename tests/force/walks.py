"""The three walks of the architecture, as a client takes them: each sends again what was not answered, then checks."""

import json
import smtplib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from email import message_from_bytes
from email.message import Message

import httpx
from stacks import ForkedStack
from support.cast import Cast
from support.smtp_client import address_of
from support.sql import column, rows
from support.waiting import until

from mailtalk import sealed_mail
from mailtalk.keys import Keyring

KEYRING = Keyring.from_setting("k" * 32)
HASTY = 8.0  # seconds that a client waits for an answer
Walk = Callable[[ForkedStack, str], Iterator[str]]  # an attempt until it is acknowledged; then a line per violation


def prepare(stack: ForkedStack, name: str) -> None:
    """A conversation of Alice and Bob."""
    app = stack.cast.app_id
    with stack.cast.database.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO conversations (app_id, id, custom) VALUES (%(app)s, %(id)s, '{}')", {"app": app, "id": name}
        )
        connection.exec_driver_sql(
            """INSERT INTO participations (app_id, conversation_id, user_id, present, access, notify, joined_at)
            SELECT %(app)s, %(id)s, unnest(ARRAY['alice', 'bob']), true, 'ReadWrite', 'All', now()""",
            {"app": app, "id": name},
        )


def change(stack: ForkedStack, name: str) -> Iterator[str]:
    """A change is applied: Carol joins."""
    path, body = f"/conversations/{name}/participants/carol", {"notify": "MentionsOnly"}
    answer = _asked(stack, "PUT", path, body, name)
    while not answer:
        yield ""
        answer = _asked(stack, "PUT", path, body, name)
    yield "acknowledged"
    again = until(lambda: _asked(stack, "PUT", path, body, name))  # the API may have ended after its answer
    if again.headers["Operation-Location"] != answer.headers["Operation-Location"]:
        yield "I4: the same key gave another change"
    where = {"app": stack.cast.app_id, "id": name}
    ends = "SELECT status FROM changes WHERE app_id = :app AND conversation_id = :id"
    if (found := column(stack.cast.database, ends, **where)) != ["applied"]:
        yield f"I1: the change ended as {found}"
    effects = "SELECT count(*) FROM events WHERE app_id = :app AND conversation_id = :id AND type LIKE 'participant.%'"
    if (number := column(stack.cast.database, effects, **where)[0]) != 1:
        yield f"I1: the change had {number} effects"
    state = """SELECT notify FROM participations
        WHERE app_id = :app AND conversation_id = :id AND user_id = 'carol' AND present"""
    if (now := column(stack.cast.database, state, **where)) != ["MentionsOnly"]:
        yield f"I3: carol takes part as {now}"


def mail_in(stack: ForkedStack, name: str) -> Iterator[str]:
    """A mail becomes a message, and that message a mail to Alice."""
    address = address_of(_in(stack, name), KEYRING, "bob")
    text = f"Hello from {name}"
    raw = f"From: bob@example.com\r\nSubject: Re: Hello\r\nMessage-ID: <{name}@example.com>\r\n\r\n{text}\r\n".encode()
    taken = 0
    while not _delivered(stack, address, raw):
        yield ""
    taken += 1
    yield "acknowledged"
    database, where = stack.cast.database, {"app": stack.cast.app_id, "id": name}
    kept = """SELECT r.sealed FROM inbound_mails m JOIN raw_mails r ON r.id = m.raw_id
        WHERE m.app_id = :app AND m.conversation_id = :id"""
    stored = [sealed_mail.unseal(KEYRING, bytes(sealed), "raw-mail") for sealed in column(database, kept, **where)]
    if len(stored) < taken or set(stored) != {raw}:
        yield f"I2: {len(stored)} mails are kept, {len(set(stored))} of them different"
    said = column(database, "SELECT text FROM messages WHERE app_id = :app AND conversation_id = :id", **where)
    if said != [text]:
        yield f"I5: the messages are {said}"
    yield from _mailed(stack, name, {"alice@example.com"}, text)


def mail_out(stack: ForkedStack, name: str) -> Iterator[str]:
    """A message becomes a mail to Bob."""
    path, text = f"/conversations/{name}/messages", f"News of {name}"
    body = [{"type": "UserMessage", "sender": "alice", "text": text}]
    while not _asked(stack, "POST", path, body, name):
        yield ""
    yield "acknowledged"
    where = {"app": stack.cast.app_id, "id": name}
    said = column(
        stack.cast.database, "SELECT text FROM messages WHERE app_id = :app AND conversation_id = :id", **where
    )
    if said != [text]:
        yield f"I4: the messages are {said}"
    yield from _mailed(stack, name, {"bob@example.com"}, text)


WALKS: dict[str, Walk] = {"change": change, "mail in": mail_in, "mail out": mail_out}


def _mailed(stack: ForkedStack, name: str, readers: set[str], text: str) -> Iterator[str]:
    """I6: one mail for each reader; more only if they are counted, and byte-equal."""
    copies: dict[str, list[bytes]] = {}
    mails = list(zip(list(stack.sink.recipients), list(stack.sink.mails), strict=False))
    for reader, raw in mails:
        mail = message_from_bytes(raw)
        if text in _text(mail):
            copies.setdefault(f"{reader} {mail['Message-ID']}", []).append(raw)
    if sorted(key.split()[0] for key in copies) != sorted(readers):
        yield f"I6: mails went to {sorted(copies)}"
    query = "SELECT sum(unknowns) FROM deliveries WHERE app_id = :app AND conversation_id = :id"
    unknowns = rows(stack.cast.database, query, app=stack.cast.app_id, id=name)[0][0] or 0
    for key, same in copies.items():
        if len(same) > 1 + unknowns or len(set(same)) > 1:
            yield f"I6: {key} came {len(same)} times, {len(set(same))} different, {unknowns} unknown"


def _text(mail: Message) -> str:
    part = next(each for each in mail.walk() if each.get_content_type() == "text/plain")
    return bytes(part.get_payload(decode=True)).decode()


def _asked(stack: ForkedStack, method: str, path: str, body: object, key: str) -> httpx.Response | None:
    with stack.client() as http, suppress(httpx.TransportError):
        headers = {"Idempotency-Key": key, "Prefer": f"wait={HASTY}"}
        answer = http.request(method, path, content=json.dumps(body), headers=headers)
        return answer if answer.status_code in {200, 202} else None
    return None


def _delivered(stack: ForkedStack, address: str, raw: bytes) -> bool:
    try:
        with smtplib.SMTP(*stack.smtp, local_hostname="mta.example", timeout=HASTY) as client:
            client.sendmail("bob@example.com", [address], raw)
    except (OSError, smtplib.SMTPException):
        return False
    return True


def _in(stack: ForkedStack, name: str) -> Cast:
    return replace(stack.cast, conversation=name)
