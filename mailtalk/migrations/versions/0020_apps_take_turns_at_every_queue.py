"""apps take turns at every queue: an index of it leads with the app."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

QUEUES = (
    ("ix_notifications_queue", "notifications", ["app_id", "not_before", "id"], "status = 'open'"),
    ("ix_deliveries_queue", "deliveries", ["app_id", "not_before"], "stage IN ('queued', 'deferred', 'unknown')"),
    (
        "ix_conversations_app_id_window_due_at",
        "conversations",
        ["app_id", "window_due_at"],
        "window_due_at IS NOT NULL",
    ),
    ("ix_events_queue", "events", ["app_id", "id"], "told_at IS NULL"),
)


def upgrade() -> None:
    for name, table, columns, condition in QUEUES:
        op.create_index(name, table, columns, postgresql_where=sa.text(condition))


def downgrade() -> None:
    for name, table, _, _ in QUEUES:
        op.drop_index(name, table_name=table)
