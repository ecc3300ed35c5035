"""The peers that mail messages to participants, as Celery tasks.

`fanout`: a message to many, a task for each 100 recipients, sent by smtplib, one commit for the chunk.
`notify`: a task a message, which finds the recipients, makes their mails and keeps them by one commit.
The script makes tables (`prepare CONVERSATIONS EACH`) and tasks (`send PORT`, `post`).
"""

import os
import smtplib
import sys
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import formataddr, formatdate, make_msgid
from html import escape

from celery import Celery
from sqlalchemy import create_engine, func, insert, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

CHUNK = 100
TEXT = "Shall we meet on Thursday? The kitchen is to be measured again before the tiles are ordered."
PAGE = """<!DOCTYPE html><html><body style="font: 16px sans-serif"><div style="max-width: 600px; margin: auto">
<h1>{subject}</h1><p><b>{sender}</b></p><p>{text}</p><p>Just reply to this mail.</p>
<p><a href="https://example.com/settings/{id}">Settings</a> <a href="https://example.com/stop/{id}">Stop</a></p>
</div></body></html>"""

app = Celery("peer", broker=os.environ["BROKER"])
engine = create_engine(os.environ["DATABASE"].replace("postgresql:", "postgresql+psycopg:"))


class Base(DeclarativeBase):
    """The tables."""


class Participant(Base):
    """Who takes part in which conversation."""

    __tablename__ = "participants"

    id: Mapped[int] = mapped_column(primary_key=True)
    conversation: Mapped[int] = mapped_column(index=True)
    name: Mapped[str]
    address: Mapped[str]


class Mail(Base):
    """A mail that was made; with its bytes until it is sent."""

    __tablename__ = "mails"

    id: Mapped[int] = mapped_column(primary_key=True)
    participant: Mapped[int] = mapped_column(index=True)
    content: Mapped[bytes | None]
    sent_at: Mapped[datetime | None]


def mail_to(participant: Participant) -> EmailMessage:
    """Make a mail with text and HTML, and a reply address of its own."""
    mail = EmailMessage()
    mail["From"] = formataddr(("Alice via Bench", "notify@reply.example"))
    mail["To"] = formataddr((participant.name, participant.address))
    mail["Reply-To"] = f"token{participant.id}@reply.example"
    mail["Subject"] = "Kitchen"
    mail["Date"] = formatdate()
    mail["Message-ID"] = make_msgid(domain="reply.example")
    mail["List-Unsubscribe"] = f"<https://example.com/stop/{participant.id}>"
    mail.set_content(f"Alice wrote:\n\n{TEXT}\n\nJust reply to this mail.\n")
    page = PAGE.format(subject="Kitchen", sender="Alice", text=escape(TEXT), id=participant.id)
    mail.add_alternative(page, subtype="html")
    return mail


@app.task(name="send", ignore_result=True)
def send(ids: list[int], port: int) -> None:
    """Send a chunk of recipients their mails over one connection."""
    with Session(engine) as session, smtplib.SMTP("127.0.0.1", port, local_hostname="localhost") as client:
        for participant in session.scalars(select(Participant).where(Participant.id.in_(ids))):
            client.send_message(mail_to(participant))
            session.add(Mail(participant=participant.id, sent_at=datetime.now(UTC)))
        session.commit()


@app.task(name="notify", ignore_result=True)
def notify(conversation: int) -> None:
    """Make the mails of one message."""
    with Session(engine) as session:
        query = select(Participant).where(Participant.conversation == conversation).order_by(Participant.id)
        for participant in session.scalars(query).all()[1:]:  # the first wrote it
            session.add(Mail(participant=participant.id, content=mail_to(participant).as_bytes()))
        session.commit()


def prepare(conversations: int, each: int) -> None:
    """Make the tables, with participants."""
    Base.metadata.create_all(engine)
    rows = [
        {"conversation": conversation, "name": f"User {number}", "address": f"u{number}@example.com"}
        for conversation in range(conversations)
        for number in range(each)
    ]
    with Session(engine) as session:
        session.execute(insert(Participant), rows)
        session.commit()


def fan_out(port: int) -> None:
    """Make a task for each chunk."""
    with Session(engine) as session:
        ids = list(session.scalars(select(Participant.id).order_by(Participant.id)))
    for start in range(0, len(ids), CHUNK):
        send.delay(ids[start : start + CHUNK], port)


def post() -> None:
    """Make a task a conversation."""
    with Session(engine) as session:
        conversations = session.scalar(select(func.max(Participant.conversation))) or 0
    for conversation in range(conversations + 1):
        notify.delay(conversation)


if __name__ == "__main__":
    verb, *numbers = sys.argv[1:]
    {"prepare": prepare, "send": fan_out, "post": post}[verb](*map(int, numbers))
