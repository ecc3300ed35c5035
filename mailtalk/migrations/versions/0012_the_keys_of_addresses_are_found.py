"""the keys of all addresses are found by an index, to tell one that MAILTALK_SECRET_KEY lacks."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_addresses_key_id"), "addresses", ["key_id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_addresses_key_id"), table_name="addresses")
