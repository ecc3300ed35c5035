"""pictures have thumbnails."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("files", sa.Column("thumbnail", postgresql.JSONB(), nullable=True))
    op.add_column("files", sa.Column("thumbnail_sealed", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    op.drop_column("files", "thumbnail_sealed")
    op.drop_column("files", "thumbnail")
