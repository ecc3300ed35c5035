"""waiting mails are checked again."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("deliveries", sa.Column("seqs", postgresql.INT8MULTIRANGE(), nullable=True))
    op.add_column("deliveries", sa.Column("edited_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("deliveries", sa.Column("reply_generation", sa.BigInteger(), nullable=True))
    op.add_column("deliveries", sa.Column("sending_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_deliveries_outdated",
        "deliveries",
        ["app_id", "id"],
        postgresql_where=sa.text("stage = 'outdated'"),
    )


def downgrade() -> None:
    op.execute("UPDATE deliveries SET stage = 'queued' WHERE stage = 'outdated'")
    op.drop_index("ix_deliveries_outdated", table_name="deliveries")
    for name in ("sending_at", "reply_generation", "edited_at", "seqs"):
        op.drop_column("deliveries", name)
