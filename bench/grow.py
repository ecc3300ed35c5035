"""A database that has grown: 10^5 conversations, 10^6 participations and 10^7 messages of another app.

The data is made in a template, of which every database of a grown run is a copy; a smaller SIZE makes less of it.
"""

import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta

import click
import psycopg

from bench.measure import Benchmark, Figure, Sides, Start, Values
from bench.servers import Servers
from mailtalk.conversations import apps
from mailtalk.db.database import Database, migrate

APP = "grown"
GOAL = 0.8
STEP = 1_000  # conversations in one transaction
PARTICIPANTS, MESSAGES = 10, 100  # of each conversation
TEXT = "Shall we meet on Thursday? " * 4
TABLES = {
    "users": "app_id, id, name, emails",
    "conversations": "app_id, id, subject, last_seq, last_message_at",
    "participations": "app_id, conversation_id, user_id, present, access, notify, joined_at, read_seq",
    "messages": "app_id, conversation_id, seq, id, type, sender_id, text, origin, created_at",
}
# What is put aside while the tables are filled, and made again afterwards: foreign keys, then indexes.
ASIDE = """
SELECT format('ALTER TABLE %%s DROP CONSTRAINT %%I', c.conrelid::regclass, c.conname),
    format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', c.conrelid::regclass, c.conname, pg_get_constraintdef(c.oid))
FROM pg_constraint c
WHERE c.contype = 'f' AND (c.conrelid = ANY(%(tables)s::regclass[]) OR c.confrelid = ANY(%(tables)s::regclass[]))
UNION ALL
SELECT format('DROP INDEX %%s', i.indexrelid::regclass), pg_get_indexdef(i.indexrelid) FROM pg_index i
WHERE i.indrelid = ANY(%(tables)s::regclass[])
    AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid AND c.contype <> 'f')"""


def grow(servers: Servers, conversations: int) -> str:
    """Make the template by COPY, with a progress bar on stderr; give its name."""
    url = servers.new_database()
    migrate(url)
    with closing(Database(url)) as database, database.transaction() as session:
        apps.create(session, servers.keyring, "Grown", APP)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET maintenance_work_mem = '256MB'")
        with _put_aside(connection):
            _fill(connection, conversations)
        connection.execute("VACUUM ANALYZE")
    return url.rpartition("/")[2]


@contextmanager
def _put_aside(connection: psycopg.Connection) -> Iterator[None]:
    """Meanwhile the tables have no foreign keys, and no indexes but those of their keys."""
    statements = connection.execute(ASIDE, {"tables": list(TABLES)}).fetchall()
    for drop, _ in statements:
        connection.execute(drop)
    yield
    with click.progressbar(list(reversed(statements)), label="Making indexes", file=sys.stderr) as again:
        for _, make in again:
            connection.execute(make)


def _fill(connection: psycopg.Connection, conversations: int) -> None:
    now = datetime.now(UTC)
    with click.progressbar(range(1, conversations + 1, STEP), label="Growing", file=sys.stderr) as steps:
        for first in steps:
            numbers = range(first, min(first + STEP, conversations + 1))
            rows = (
                _users(numbers, conversations),
                _conversations(numbers, now),
                _participations(numbers, now),
                _messages(numbers, now),
            )
            with connection.transaction():
                for (table, columns), blocks in zip(TABLES.items(), rows, strict=True):
                    _copy(connection, f"COPY {table} ({columns}) FROM STDIN", blocks)


def _copy(connection: psycopg.Connection, statement: str, blocks: Iterable[str]) -> None:
    with connection.cursor() as cursor, cursor.copy(statement) as stream:
        for block in blocks:
            stream.write(block)


def _users(conversations: range, last: int) -> Iterator[str]:
    """One for each conversation; after the last one those that take part in the last ones."""
    end = last + PARTICIPANTS if conversations[-1] == last else conversations[-1] + 1
    for i in range(conversations[0], end):
        yield f"{APP}\tu{i:07}\tUser {i}\t{{u{i}@example.net}}\n"


def _conversations(conversations: range, now: datetime) -> Iterator[str]:
    for c in conversations:
        yield f"{APP}\tc{c:07}\tConversation {c}\t{MESSAGES}\t{now - timedelta(days=1)}\n"


def _participations(conversations: range, now: datetime) -> Iterator[str]:
    joined = now - timedelta(days=30)
    for c in conversations:
        yield "".join(
            f"{APP}\tc{c:07}\tu{c + u:07}\tt\tReadWrite\tAll\t{joined}\t{MESSAGES}\n" for u in range(PARTICIPANTS)
        )


def _messages(conversations: range, now: datetime) -> Iterator[str]:
    """The messages of a conversation in each block, the last of them a day ago."""
    ends = [(m, f"{TEXT}\trest\t{now - timedelta(days=1, minutes=MESSAGES - m)}") for m in range(1, MESSAGES + 1)]
    for c in conversations:
        yield "".join(f"{APP}\tc{c:07}\t{m}\tmsg_{c:07}_{m:03}\tUserMessage\tu{c:07}\t{end}\n" for m, end in ends)


def beside_empty(benchmark: Benchmark, template: str) -> Benchmark:
    """The same benchmark: ours in the grown database, beside ours in an empty one."""
    rates = [figure for figure in benchmark.figures if figure.better == "more"]
    figures = [Figure(f"{rate.name}-grown", rate.unit, GOAL) for rate in rates]
    return Benchmark(f"{benchmark.title}, grown", "itself, empty", figures, _sides(benchmark.sides, template))


def _sides(start: Start, template: str) -> Start:
    @contextmanager
    def sides(servers: Servers) -> Iterator[Sides]:
        with ExitStack() as stack:
            with servers.templated(template):
                grown = stack.enter_context(start(servers))
            empty = stack.enter_context(start(servers))
            yield Sides(lambda: _named(grown.ours()), lambda: _named(empty.ours()))

    return sides


def _named(values: Values) -> Values:
    return {f"{name}-grown": value for name, value in values.items()}
