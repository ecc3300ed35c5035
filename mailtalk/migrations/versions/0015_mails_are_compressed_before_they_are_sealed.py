"""mails are compressed before they are sealed: PostgreSQL need not try to compress what is encrypted."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE deliveries ALTER COLUMN body_sealed SET STORAGE EXTERNAL")


def downgrade() -> None:
    op.execute("ALTER TABLE deliveries ALTER COLUMN body_sealed SET STORAGE EXTENDED")
