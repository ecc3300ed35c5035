"""made notifications of a user are counted, for the hourly cap."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_notifications_made",
        "notifications",
        ["app_id", "user_id", "ended_at"],
        postgresql_where=sa.text("status = 'made'"),
    )


def downgrade() -> None:
    op.drop_index("ix_notifications_made", "notifications")
