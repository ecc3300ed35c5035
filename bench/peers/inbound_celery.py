"""The peer that turns mails into messages: a Celery task a mail, which parses it and commits one row.

The task is run by `celery -A inbound_celery worker`; `inbound_celery.py PARTICIPANTS MAILS` makes tasks.
"""

import email
import email.policy
import os
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

from celery import Celery
from sqlalchemy import ForeignKey, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

sys.path.append(str(Path(__file__).parents[2]))
from bench.mails import reply  # the same mails

app = Celery("peer", broker=os.environ["BROKER"])
engine = create_engine(os.environ["DATABASE"].replace("postgresql:", "postgresql+psycopg:"))
QUOTE = re.compile(r"^On .{0,200} wrote:$", re.MULTILINE | re.DOTALL)


class Base(DeclarativeBase):
    """The tables."""


class Participant(Base):
    """Who has a reply address in which conversation."""

    __tablename__ = "participants"

    token: Mapped[str] = mapped_column(primary_key=True)
    conversation: Mapped[str]
    user: Mapped[str]


class Message(Base):
    """What somebody wrote; a mail becomes one message, however often it comes."""

    __tablename__ = "messages"

    id: Mapped[int] = mapped_column(primary_key=True)
    token: Mapped[str] = mapped_column(ForeignKey("participants.token"), index=True)
    mail_id: Mapped[str] = mapped_column(unique=True)
    text: Mapped[str]
    created_at: Mapped[datetime]


@app.task(name="process", ignore_result=True)
def process(raw: str, token: str) -> None:
    """Turn one mail into a message."""
    mail = email.message_from_string(raw, policy=email.policy.default)
    body = mail.get_body(("plain", "html"))
    text = QUOTE.split(body.get_content() if body else "", maxsplit=1)[0].strip()
    with Session(engine) as session:
        participant = session.scalars(select(Participant).where(Participant.token == token)).one()
        message = Message(token=participant.token, mail_id=mail["Message-ID"], text=text, created_at=datetime.now(UTC))
        session.add(message)
        session.commit()


def main(participants: int, mails: int) -> None:
    """Make the tables when there are none, and a task a mail."""
    Base.metadata.create_all(engine)
    tokens = [f"token{number}" for number in range(participants)]
    with Session(engine) as session:
        for token in tokens:
            session.merge(Participant(token=token, conversation="c1", user=token))
        session.commit()
    for number in range(mails):
        token = tokens[number % participants]
        process.delay(reply(1, f"{token}@reply.example").decode(), token)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
