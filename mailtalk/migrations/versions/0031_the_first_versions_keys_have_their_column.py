"""the first version names this column whenever it keeps a key: it goes when that version does."""

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE idempotency_keys ADD COLUMN IF NOT EXISTS status bigint")  # 0003 once dropped it


def downgrade() -> None:
    pass
