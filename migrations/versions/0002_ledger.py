"""Entries of the two logs that wait for their place; nobody may change or delete one."""

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"

POSTGRESQL_GUARD = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$$
"""
POSTGRESQL_TRIGGER = """
CREATE TRIGGER pending_entries_append_only
BEFORE UPDATE OR DELETE OR TRUNCATE ON pending_entries
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
"""
SQLITE_TRIGGER = """
CREATE TRIGGER pending_entries_no_{action} BEFORE {action} ON pending_entries
BEGIN
    SELECT RAISE(ABORT, 'pending_entries is append-only');
END
"""


def upgrade() -> None:
    op.create_table(
        "pending_entries",
        sa.Column("entry_id", sa.LargeBinary(16), nullable=False),
        sa.Column("log", sa.SmallInteger, nullable=False),
        sa.Column("entry", sa.LargeBinary(92), nullable=False),
        sa.Column("header", sa.LargeBinary, nullable=False),
        sa.Column("subject_sealed", sa.LargeBinary, nullable=False),
        sa.Column("header_salt", sa.LargeBinary(32), nullable=False),
        sa.Column("subject_salt", sa.LargeBinary(32), nullable=False),
        sa.Column("signed_request", sa.Text),
        sa.PrimaryKeyConstraint("entry_id", name="pk_pending_entries"),
    )
    if op.get_bind().dialect.name == "sqlite":
        for action in ("UPDATE", "DELETE"):
            op.execute(SQLITE_TRIGGER.format(action=action))
        return
    op.execute(POSTGRESQL_GUARD)
    op.execute(POSTGRESQL_TRIGGER)


def downgrade() -> None:
    op.drop_table("pending_entries")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_change()")
