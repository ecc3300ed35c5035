"""files are sealed in parts, each of which can be read alone; those of before are one part."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("files", sa.Column("part_bytes", sa.BigInteger()))


def downgrade() -> None:
    op.drop_column("files", "part_bytes")
