"""providers tell spf."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("raw_mails", sa.Column("spf", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("raw_mails", "spf")
