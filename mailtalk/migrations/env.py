"""Alembic's entry: migrates under a lock, so that several processes may start at once."""

from alembic import context
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from mailtalk.models import Base

LOCK = 0x6D61696C74616C6B  # "mailtalk"


def run() -> None:
    """Run the migrations in one transaction."""
    engine = create_engine(context.config.attributes["url"], poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
        connection.commit()
        context.configure(connection=connection, target_metadata=Base.metadata, compare_server_default=True)
        with context.begin_transaction():
            context.run_migrations()


run()
