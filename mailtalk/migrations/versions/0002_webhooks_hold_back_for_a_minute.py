"""webhooks hold back for a minute."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

UNCLAIMED = sa.text("claim IS NULL")


def upgrade() -> None:
    op.add_column("webhooks", sa.Column("ordered", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("webhook_lanes", sa.Column("lone", sa.Boolean(), server_default="false", nullable=False))
    op.drop_index("ix_webhook_lanes_due", "webhook_lanes")
    columns = ["app_id", "webhook_id", "lone", "not_before", "lane"]
    op.create_index("ix_webhook_lanes_due", "webhook_lanes", columns, postgresql_where=UNCLAIMED)


def downgrade() -> None:
    op.drop_index("ix_webhook_lanes_due", "webhook_lanes")
    columns = ["app_id", "webhook_id", "not_before", "lane"]
    op.create_index("ix_webhook_lanes_due", "webhook_lanes", columns, postgresql_where=UNCLAIMED)
    op.drop_column("webhook_lanes", "lone")
    op.drop_column("webhooks", "ordered")
