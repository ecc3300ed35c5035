"""choices of participants."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("participations", sa.Column("chosen", sa.ARRAY(sa.Text()), server_default="{}", nullable=False))
    op.add_column("changes", sa.Column("requested_by", sa.Text(), server_default="backend", nullable=False))


def downgrade() -> None:
    op.drop_column("changes", "requested_by")
    op.drop_column("participations", "chosen")
