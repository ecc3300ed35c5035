"""digests have sections."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("notifications", sa.Column("digest", sa.Boolean(), server_default="false", nullable=False))
    op.drop_index("ix_notifications_due", table_name="notifications")
    op.create_index(
        "ix_notifications_due",
        "notifications",
        ["digest", "not_before"],
        postgresql_where=sa.text("status = 'open'"),
    )
    op.drop_index("ix_notifications_queue", table_name="notifications")
    op.create_index(
        "ix_notifications_queue",
        "notifications",
        ["app_id", "not_before", "id"],
        postgresql_where=sa.text("status = 'open' AND NOT digest"),
    )
    op.create_index(
        "ix_notifications_digests",
        "notifications",
        ["app_id", "not_before"],
        postgresql_where=sa.text("status = 'open' AND digest"),
    )
    op.create_index(
        "ix_notifications_reader",
        "notifications",
        ["app_id", "user_id"],
        postgresql_where=sa.text("status = 'open' AND digest"),
    )
    op.create_table(
        "digest_sections",
        sa.Column("app_id", sa.Text(), nullable=False),
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        sa.Column("notification_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("conversation_id", sa.Text(), nullable=False),
        sa.Column("participation_id", sa.Uuid(), nullable=False),
        sa.Column("seqs", postgresql.INT8MULTIRANGE(), nullable=False),
        sa.Column("edited_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reply_generation", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["app_id", "delivery_id"],
            ["deliveries.app_id", "deliveries.id"],
            name=op.f("fk_digest_sections_deliveries"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("app_id", "delivery_id", "notification_id", name=op.f("pk_digest_sections")),
    )
    op.create_index(op.f("ix_digest_sections_app_id_notification_id"), "digest_sections", ["app_id", "notification_id"])


def downgrade() -> None:
    op.drop_table("digest_sections")
    op.drop_index("ix_notifications_reader", table_name="notifications")
    op.drop_index("ix_notifications_digests", table_name="notifications")
    op.drop_index("ix_notifications_queue", table_name="notifications")
    op.create_index(
        "ix_notifications_queue",
        "notifications",
        ["app_id", "not_before", "id"],
        postgresql_where=sa.text("status = 'open'"),
    )
    op.drop_index("ix_notifications_due", table_name="notifications")
    op.create_index(
        "ix_notifications_due", "notifications", ["not_before"], postgresql_where=sa.text("status = 'open'")
    )
    op.drop_column("notifications", "digest")
