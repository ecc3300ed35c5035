"""Many people in a file, and what becomes of them when it is imported."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import text
from support.cast import Cast
from support.command_line import Command

from mailtalk.conversations import apps

HEADER = "conversation,user,access,notify\n"
MANY = 3_000


def invite(cast: Cast) -> Cast:
    """Give the cast's app 3,000 users more, and no limit."""
    with cast.database.transaction() as session:
        apps.put(session, "demo", {"participant_limit": None})
        session.execute(
            text("INSERT INTO users (app_id, id, name) SELECT 'demo', 'u' || i, 'U' FROM generate_series(1, :n) i"),
            {"n": MANY},
        )
    return cast


def write(path: Path, content: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(content.encode(encoding))
    return path


def many(path: Path) -> Path:
    return write(path, HEADER + "".join(f"hello,u{i},Read,false\n" for i in range(1, MANY + 1)))


def bring(mailtalk: Command, file: Path, *options: str, code: int = 0) -> str:
    result = mailtalk("participants", "import", str(file), "--app", "demo", *options, code=code)
    told: str = result.stdout + result.stderr
    return told


def query(cast: Cast, sql: str) -> Sequence[Any]:
    with cast.database.transaction() as session:
        return session.execute(text(sql)).all()


def people(cast: Cast) -> list[tuple[str, str, str]]:
    rows = query(cast, "SELECT user_id, access, notify FROM participations WHERE present ORDER BY user_id")
    return [tuple(row) for row in rows]


def log_length(cast: Cast) -> int:
    length: int = query(cast, "SELECT count(*) FROM changes")[0][0]
    return length
