"""questions "was this you?" have answers, and users have accepted senders."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("accepted_senders", sa.ARRAY(sa.Text()), nullable=True))
    op.create_table(
        "sender_questions",
        sa.Column("mail_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("app_id", sa.Text(), nullable=True),
        sa.Column("participation_id", sa.Uuid(), nullable=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("excerpt", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["mail_id"], ["inbound_mails.id"], name=op.f("fk_sender_questions_inbound_mails"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("mail_id", name=op.f("pk_sender_questions")),
    )
    op.create_index(
        "ix_sender_questions_rejected",
        "sender_questions",
        ["participation_id", "address"],
        postgresql_where=sa.text("answer = 'reject'"),
    )
    op.create_index(op.f("ix_sender_questions_asked_at"), "sender_questions", ["asked_at"])
    op.create_index(op.f("ix_sender_questions_app_id"), "sender_questions", ["app_id"])


def downgrade() -> None:
    op.drop_table("sender_questions")
    op.drop_column("users", "accepted_senders")
