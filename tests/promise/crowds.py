"""Many users, each of whom something is said three times, one after the other."""

import random
from collections.abc import Sequence
from typing import Any

import httpx
from histories import send
from model import Model, Operation
from support.cast import Cast
from support.sql import column, rows
from support.waiting import until

from mailtalk.db.database import Database

PENDING = "SELECT count(*) FROM changes WHERE app_id = :app AND status = 'pending'"
ASYNC = {"Prefer": "respond-async"}


def crowd(database: Database, cast: Cast, size: int) -> list[str]:
    """So many more users of the app."""
    query = "INSERT INTO users (app_id, id, name) SELECT :app, 'u' || i, 'U' FROM generate_series(1, :size) AS i"
    rows(database, query, app=cast.app_id, size=size)
    return [f"u{i}" for i in range(1, size + 1)]


def settled(database: Database, cast: Cast) -> None:
    """Wait until no change of the app waits."""
    until(lambda: column(database, PENDING, app=cast.app_id) == [0])


def members(http: httpx.Client, conversation: str = "hello") -> dict[str, Any]:
    """Who takes part, as the API says it."""
    content: dict[str, Any] = http.get(f"/conversations/{conversation}").json()["participants"]
    return content


def state_of(model: Model) -> dict[str, Any]:
    """Who takes part, as the model says it."""
    people = model.people.items()
    return {user: {"access": each.access, "notify": each.notify} for user, each in people if each.active}


def say(http: httpx.Client, user: str, waits: float) -> None:
    """Three requests, each after the answer to the one before, which may say no more than that it was accepted."""
    rng = random.Random(user)
    for asked in _three(user):
        answer = send(http, "hello", asked, **({} if rng.random() < waits else ASYNC))
        assert answer.status_code in {200, 202, 404}, answer.text


def expected(users: Sequence[str]) -> dict[str, Any]:
    """What the last word on each of them makes of the conversation."""
    model = Model(None, users)
    for user in users:
        for asked in _three(user):
            model.do(asked)
    return state_of(model)


def _three(user: str) -> list[Operation]:
    rng = random.Random(user)
    return [
        Operation(method, user, {"notify": rng.choice([True, False, "MentionsOnly"])})
        for method in rng.sample(["PUT", "PATCH", "DELETE"], 3)
    ]
