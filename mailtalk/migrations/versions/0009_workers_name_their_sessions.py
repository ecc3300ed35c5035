"""workers name their sessions in the server, so that those of a frozen one can be ended."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("workers", sa.Column("application", sa.Text()))


def downgrade() -> None:
    op.drop_column("workers", "application")
