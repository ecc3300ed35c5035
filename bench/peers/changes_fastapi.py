"""The peer that takes changes of participation: FastAPI keeps each by one commit, a Celery task each applies it.

Served by `uvicorn changes_fastapi:api`, applied by `celery -A changes_fastapi worker`; run alone it makes the tables.
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Literal

from celery import Celery
from fastapi import Depends, FastAPI
from pydantic import BaseModel
from sqlalchemy import create_engine
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

api = FastAPI()
app = Celery("peer", broker=os.environ["BROKER"])
engine = create_engine(os.environ["DATABASE"].replace("postgresql:", "postgresql+psycopg:"), pool_size=20)


class Base(DeclarativeBase):
    """The tables."""


class Change(Base):
    """What was asked for."""

    __tablename__ = "changes"

    id: Mapped[int] = mapped_column(primary_key=True)
    conversation: Mapped[str]
    user: Mapped[str]
    notify: Mapped[str]
    requested_at: Mapped[datetime]
    applied_at: Mapped[datetime | None] = mapped_column(index=True)


class Participation(Base):
    """What holds."""

    __tablename__ = "participations"

    conversation: Mapped[str] = mapped_column(primary_key=True)
    user: Mapped[str] = mapped_column(primary_key=True)
    notify: Mapped[str]
    change: Mapped[int]


class Body(BaseModel):
    """The request's body."""

    notify: bool | Literal["MentionsOnly"] = True


def session() -> Iterator[Session]:
    """A session for one request."""
    with Session(engine) as opened:
        yield opened


@api.put("/conversations/{conversation}/participants/{user}", status_code=202)
def put(conversation: str, user: str, body: Body, database: Annotated[Session, Depends(session)]) -> dict[str, int]:
    """Keep a change, and have it applied."""
    change = Change(conversation=conversation, user=user, notify=str(body.notify), requested_at=datetime.now(UTC))
    database.add(change)
    database.commit()
    apply.delay(change.id)
    return {"id": change.id}


@app.task(name="apply", ignore_result=True)
def apply(change_id: int) -> None:
    """Apply a change, unless a younger one of the participant was faster."""
    with Session(engine) as database:
        change = database.get_one(Change, change_id)
        values = {
            "conversation": change.conversation,
            "user": change.user,
            "notify": change.notify,
            "change": change_id,
        }
        upsert = insert(Participation).values(values)
        newer = Participation.change < upsert.excluded.change
        database.execute(
            upsert.on_conflict_do_update(index_elements=["conversation", "user"], set_=values, where=newer)
        )
        change.applied_at = datetime.now(UTC)
        database.commit()


if __name__ == "__main__":
    Base.metadata.create_all(engine)
