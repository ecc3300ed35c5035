"""messages are found by their file, which they may share, and imported ones by their sender and readers."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_messages_file",
        "messages",
        ["app_id", sa.text("(attachment ->> 'fileId')")],
        postgresql_where=sa.text("attachment ->> 'fileId' IS NOT NULL"),
    )
    imported = sa.text("origin = 'import'")
    op.create_index("ix_messages_imported", "messages", ["app_id", "sender_id"], postgresql_where=imported)
    op.create_index(
        "ix_messages_imported_readers", "messages", ["read_by"], postgresql_using="gin", postgresql_where=imported
    )


def downgrade() -> None:
    op.drop_index("ix_messages_imported_readers", table_name="messages")
    op.drop_index("ix_messages_imported", table_name="messages")
    op.drop_index("ix_messages_file", table_name="messages")
