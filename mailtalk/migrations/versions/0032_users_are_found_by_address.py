"""users are found by an address in any case, however many there are."""

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE FUNCTION lowered(text[]) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
        AS 'SELECT array(SELECT lower(own) FROM unnest($1) AS own)'""")
    op.execute("CREATE INDEX ix_users_addresses ON users USING gin (lowered(emails))")


def downgrade() -> None:
    op.drop_index("ix_users_addresses", table_name="users")
    op.execute("DROP FUNCTION lowered(text[])")
