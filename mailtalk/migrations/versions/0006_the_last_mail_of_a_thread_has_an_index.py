"""the last mail of a thread is found by an index; sealed bytes, which cannot be compressed, are not tried."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

PARTICIPANT = ["app_id", "conversation_id", "user_id"]


def upgrade() -> None:
    op.create_index("ix_deliveries_thread", "deliveries", [*PARTICIPANT, "created_at"])
    op.drop_index(op.f("ix_deliveries_app_id_conversation_id_user_id"), table_name="deliveries")
    op.execute("ALTER TABLE deliveries ALTER COLUMN body_sealed SET STORAGE EXTERNAL")


def downgrade() -> None:
    op.execute("ALTER TABLE deliveries ALTER COLUMN body_sealed SET STORAGE EXTENDED")
    op.create_index(op.f("ix_deliveries_app_id_conversation_id_user_id"), "deliveries", PARTICIPANT)
    op.drop_index("ix_deliveries_thread", table_name="deliveries")
