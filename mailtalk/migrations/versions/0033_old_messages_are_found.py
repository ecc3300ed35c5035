"""old messages are found by their age."""

from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_messages_age", "messages", ["created_at"], postgresql_using="brin", postgresql_with={"autosummarize": True}
    )


def downgrade() -> None:
    op.drop_index("ix_messages_age", table_name="messages")
