"""lists keep the places of cursors."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "list_places",
        sa.Column("app_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("moment", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("app_id", "name", "id", name=op.f("pk_list_places")),
        prefixes=["UNLOGGED"],
    )
    op.create_index(op.f("ix_list_places_until"), "list_places", ["until"])


def downgrade() -> None:
    op.drop_table("list_places")
