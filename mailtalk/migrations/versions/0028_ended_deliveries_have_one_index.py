"""ended deliveries have one index."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_deliveries_ended", table_name="deliveries")


def downgrade() -> None:
    op.create_index("ix_deliveries_ended", "deliveries", ["ended_at"], postgresql_where=sa.text("ended_at IS NOT NULL"))
