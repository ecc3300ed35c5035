"""what a change or message came from is kept while traces are on."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "origins",
        sa.Column("app_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("traceparent", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("app_id", "id", name=op.f("pk_origins")),
        prefixes=["UNLOGGED"],
    )
    op.create_index(op.f("ix_origins_at"), "origins", ["at"])


def downgrade() -> None:
    op.drop_table("origins")
