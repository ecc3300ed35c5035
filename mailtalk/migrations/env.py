"""Alembic's entry: migrates under a lock, so that several processes may start at once."""

from alembic import context
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from mailtalk.models import Base

LOCK = 0x6D61696C74616C6B  # "mailtalk"
PATIENCE = "2s"  # others queue behind a lock that is waited for


def run() -> None:
    """Run each migration in a transaction of its own, which waits for no lock for long: what runs goes on meanwhile."""
    engine = create_engine(context.config.attributes["url"], poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
        connection.execute(text(f"SET lock_timeout = '{PATIENCE}'"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            compare_server_default=True,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
