"""A database that has grown: 10^5 conversations, 10^6 participations and 10^7 messages of another app.

The data is made in a template, of which every database of a grown run is a copy; a smaller SIZE makes less of it.
"""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

import click
from sqlalchemy import text

from bench.measure import Benchmark, Figure, Sides, Start, Values
from bench.servers import Servers
from mailtalk.conversations import apps
from mailtalk.db.database import Database, migrate

APP = "grown"
GOAL = 0.8
STEP = 1_000  # conversations in one transaction
PARTICIPANTS, MESSAGES = 10, 100  # of each conversation
FILL = """
INSERT INTO users (app_id, id, name, emails)
SELECT :app, 'u' || i, 'User ' || i, ARRAY['u' || i || '@example.net']
FROM generate_series(CAST(:first AS int), :last + :participants) i
ON CONFLICT DO NOTHING;
INSERT INTO conversations (app_id, id, subject, last_seq, last_message_at)
SELECT :app, 'c' || i, 'Conversation ' || i, :messages, now() - interval '1 day'
FROM generate_series(CAST(:first AS int), :last) i;
INSERT INTO participations (app_id, conversation_id, user_id, present, access, notify, joined_at, read_seq)
SELECT :app, 'c' || c, 'u' || (c + u), true, 'ReadWrite', 'All',
    now() - interval '30 days', :messages
FROM generate_series(CAST(:first AS int), :last) c, generate_series(0, CAST(:participants AS int) - 1) u;
INSERT INTO messages (app_id, conversation_id, seq, id, type, sender_id, text, origin, created_at)
SELECT :app, 'c' || c, m, 'msg_' || c || '_' || m, 'UserMessage', 'u' || c,
    repeat('Shall we meet on Thursday? ', 4), 'rest', now() - interval '1 day' - m * interval '1 minute'
FROM generate_series(CAST(:first AS int), :last) c, generate_series(1, CAST(:messages AS int)) m
"""


def grow(servers: Servers, conversations: int) -> str:
    """Make the template, with a progress bar on stderr; give its name."""
    url = servers.new_database()
    migrate(url)
    with closing(Database(url)) as database:
        with database.transaction() as session:
            apps.create(session, servers.keyring, "Grown", APP)
        with click.progressbar(range(1, conversations + 1, STEP), label="Growing", file=sys.stderr) as steps:
            for first in steps:
                _fill(database, first, min(first + STEP - 1, conversations))
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
    return url.rpartition("/")[2]


def _fill(database: Database, first: int, last: int) -> None:
    numbers = {"app": APP, "first": first, "last": last, "participants": PARTICIPANTS, "messages": MESSAGES}
    with database.transaction() as session:
        for statement in FILL.split(";"):
            session.execute(text(statement), numbers)


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
