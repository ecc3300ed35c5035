"""small raw mails stay in their rows: up to 8 kB, where TOAST would take over at 2 kB, at ten times the cost.

What is sealed cannot be compressed, so it is not tried.
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE raw_mails SET (toast_tuple_target = 8160)")
    op.execute("ALTER TABLE raw_mails ALTER COLUMN sealed SET STORAGE EXTERNAL")


def downgrade() -> None:
    op.execute("ALTER TABLE raw_mails ALTER COLUMN sealed SET STORAGE EXTENDED")
    op.execute("ALTER TABLE raw_mails RESET (toast_tuple_target)")
