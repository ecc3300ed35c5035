"""what TalkJS keeps of apps, users and messages: locales, texts, content, uploads, reactions."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("apps", sa.Column("default_locale", sa.Text(), nullable=True))
    op.add_column("apps", sa.Column("custom", JSONB(), server_default="{}", nullable=False))
    op.add_column("users", sa.Column("availability_text", sa.Text(), nullable=True))
    op.add_column("users", sa.Column("header_photo_url", sa.Text(), nullable=True))
    op.add_column("messages", sa.Column("content", JSONB(), nullable=True))
    op.alter_column("files", "conversation_id", nullable=True)
    op.alter_column("files", "message_id", nullable=True)
    op.create_index("ix_files_unused", "files", ["created_at"], postgresql_where=sa.text("message_id IS NULL"))
    op.create_table(
        "reactions",
        sa.Column("app_id", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("emoji", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["app_id", "message_id"], ["messages.app_id", "messages.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("app_id", "message_id", "emoji", "user_id"),
    )


def downgrade() -> None:
    op.drop_table("reactions")
    op.drop_index("ix_files_unused", "files")
    op.execute("DELETE FROM files WHERE message_id IS NULL")
    op.alter_column("files", "message_id", nullable=False)
    op.alter_column("files", "conversation_id", nullable=False)
    op.drop_column("messages", "content")
    op.drop_column("users", "header_photo_url")
    op.drop_column("users", "availability_text")
    op.drop_column("apps", "custom")
    op.drop_column("apps", "default_locale")
