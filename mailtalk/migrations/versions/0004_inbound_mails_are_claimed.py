"""inbound mails are claimed in batches."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

MAILS = "inbound_mails"
WAITS = "outcome = 'received' AND participation_id IS NOT NULL"


def upgrade() -> None:
    op.add_column(MAILS, sa.Column("worker_id", sa.BigInteger(), nullable=True))
    op.drop_index("ix_inbound_mails_received", MAILS)
    op.drop_index("ix_inbound_mails_recent", MAILS)
    _index("queue", ["app_id", "participation_id", "id"], f"{WAITS} AND reason IS NULL")
    _index("others", ["purpose", "id"], "outcome = 'received' AND participation_id IS NULL")
    _index("unproven", ["not_before"], f"{WAITS} AND reason IS NOT NULL")
    _index("held", ["worker_id"], "outcome = 'received' AND worker_id IS NOT NULL")
    _index("recent", ["participation_id", "received_at"], "verdict IN ('person', 'flood')")
    _index("message_id", ["participation_id", "message_id"], "outcome = 'posted'")


def downgrade() -> None:
    for name in ("queue", "others", "unproven", "held", "recent", "message_id"):
        op.drop_index(f"ix_inbound_mails_{name}", MAILS)
    _index("recent", ["participation_id", "received_at"])
    _index("received", ["participation_id", "id"], "outcome = 'received'")
    op.drop_column(MAILS, "worker_id")


def _index(name: str, columns: list[str], where: str | None = None) -> None:
    op.create_index(f"ix_inbound_mails_{name}", MAILS, columns, postgresql_where=sa.text(where) if where else None)
