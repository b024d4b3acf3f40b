"""A payload is written once, where it stays; the queue holds entries alone."""

import sqlalchemy as sa
from alembic import op

revision: str = "0028"
down_revision: str | None = "0027"

_PAYLOAD = "header, subject_sealed, header_salt, subject_salt, signed_request"
_NO_DELETE = {
    "postgresql": """
        CREATE TRIGGER log_payloads_no_delete BEFORE DELETE OR TRUNCATE ON log_payloads
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
        """,
    "sqlite": """
        CREATE TRIGGER log_payloads_no_delete BEFORE DELETE ON log_payloads
        BEGIN SELECT RAISE(ABORT, 'log_payloads is append-only'); END
        """,
}
# As 0002, 0007 and 0018 made them; they went with the table.
_QUEUE_GUARDS = {
    "postgresql": (
        """
        CREATE TRIGGER pending_entries_no_change BEFORE UPDATE OR TRUNCATE ON pending_entries
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
        """,
        """
        CREATE TRIGGER pending_entries_sequenced AFTER DELETE ON pending_entries
        REFERENCING OLD TABLE AS gone
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_any_unsequenced()
        """,
    ),
    "sqlite": (
        """
        CREATE TRIGGER pending_entries_no_UPDATE BEFORE UPDATE ON pending_entries
        BEGIN
            SELECT RAISE(ABORT, 'pending_entries is append-only');
        END
        """,
        """
        CREATE TRIGGER pending_entries_sequenced BEFORE DELETE ON pending_entries
        WHEN NOT EXISTS (SELECT 1 FROM log_entries WHERE entry_id = OLD.entry_id)
        BEGIN SELECT RAISE(ABORT, 'pending_entries is append-only until sequenced'); END
        """,
    ),
}


def upgrade() -> None:
    op.execute(
        f"INSERT INTO log_payloads (entry_id, {_PAYLOAD})"  # noqa: S608 # constants
        f" SELECT entry_id, {_PAYLOAD} FROM pending_entries"
    )
    for column in _PAYLOAD.split(", "):
        op.drop_column("pending_entries", column)


def downgrade() -> None:
    kind = op.get_bind().dialect.name
    op.execute(
        "CREATE TABLE pending_kept AS"  # noqa: S608 # constants
        f" SELECT entry_id, log, entry, lookup_keys, {_PAYLOAD}"
        " FROM pending_entries JOIN log_payloads USING (entry_id)"
    )
    op.drop_table("pending_entries")
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
        sa.Column("lookup_keys", sa.LargeBinary(), nullable=False, server_default=sa.text("''")),
        sa.PrimaryKeyConstraint("entry_id", name="pk_pending_entries"),
    )
    columns = f"entry_id, log, entry, lookup_keys, {_PAYLOAD}"
    op.execute(
        f"INSERT INTO pending_entries ({columns}) SELECT {columns} FROM pending_kept"  # noqa: S608
    )
    op.drop_table("pending_kept")
    on_table = " ON log_payloads" if kind == "postgresql" else ""
    op.execute(f"DROP TRIGGER log_payloads_no_delete{on_table}")
    op.execute("DELETE FROM log_payloads WHERE entry_id IN (SELECT entry_id FROM pending_entries)")
    op.execute(_NO_DELETE[kind])
    for guard in _QUEUE_GUARDS[kind]:
        op.execute(guard)
