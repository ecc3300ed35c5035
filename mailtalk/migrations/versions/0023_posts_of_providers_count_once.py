"""posts of providers count once."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "seen_posts",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_seen_posts")),
    )
    op.create_index(op.f("ix_seen_posts_at"), "seen_posts", ["at"])


def downgrade() -> None:
    op.drop_table("seen_posts")
