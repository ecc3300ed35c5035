"""tries and failures are shown."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("deliveries", sa.Column("tries", postgresql.JSONB(), server_default="[]", nullable=False))
    op.create_index(
        "ix_inbound_mails_failed", "inbound_mails", ["processed_at"], postgresql_where=sa.text("outcome = 'failed'")
    )
    op.create_index(
        "ix_webhook_deliveries_failed",
        "webhook_deliveries",
        ["ended_at"],
        postgresql_where=sa.text("stage = 'failed'"),
    )


def downgrade() -> None:
    op.drop_index("ix_webhook_deliveries_failed", table_name="webhook_deliveries")
    op.drop_index("ix_inbound_mails_failed", table_name="inbound_mails")
    op.drop_column("deliveries", "tries")
