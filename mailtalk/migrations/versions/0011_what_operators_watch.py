"""what operators watch: rates of the queues, lists of deliveries, the workers' view of the relays."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TIMES = (
    ("changes", "requested_at", None),
    ("changes", "applied_at", "applied_at IS NOT NULL"),
    ("inbound_mails", "processed_at", "processed_at IS NOT NULL"),
    ("notifications", "created_at", None),
    ("deliveries", "ended_at", "ended_at IS NOT NULL"),
    ("webhook_deliveries", "ended_at", "ended_at IS NOT NULL"),
)


def upgrade() -> None:
    op.add_column("workers", sa.Column("relays", JSONB(), nullable=True))
    for table, column, condition in TIMES:
        where = sa.text(condition) if condition else None
        op.create_index(f"ix_{table}_{column}", table, [column], postgresql_where=where)
    op.create_index("ix_deliveries_log", "deliveries", ["app_id", "stage", "created_at", "id"])
    op.create_index("ix_deliveries_address", "deliveries", ["app_id", sa.text("lower(address)"), "created_at", "id"])


def downgrade() -> None:
    op.drop_index("ix_deliveries_address", "deliveries")
    op.drop_index("ix_deliveries_log", "deliveries")
    for table, column, _ in reversed(TIMES):
        op.drop_index(f"ix_{table}_{column}", table)
    op.drop_column("workers", "relays")
