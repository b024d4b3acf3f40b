"""The two logs: entries in their order, tiles, heads, payloads, and who each is about."""

import sqlalchemy as sa
from alembic import op

from registry.database.types import Instant

revision: str = "0007"
down_revision: str | None = "0006"

# A waiting entry may go only once it has its place; a place is for ever; a
# payload may only be erased, and says by which entry.
POSTGRESQL_GUARDS = """
DROP TRIGGER pending_entries_append_only ON pending_entries;
CREATE FUNCTION refuse_unsequenced() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM log_entries WHERE entry_id = OLD.entry_id) THEN
        RAISE EXCEPTION 'pending_entries is append-only until sequenced'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
END
$$;
CREATE FUNCTION refuse_unless_erasing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.erased_by IS NOT NULL OR NEW.erased_by IS NULL OR NEW.header IS NOT NULL
       OR NEW.subject_sealed IS NOT NULL OR NEW.header_salt IS NOT NULL
       OR NEW.subject_salt IS NOT NULL OR NEW.signed_request IS NOT NULL THEN
        RAISE EXCEPTION 'a payload may only be erased' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER pending_entries_no_change BEFORE UPDATE OR TRUNCATE ON pending_entries
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER pending_entries_sequenced BEFORE DELETE ON pending_entries
FOR EACH ROW EXECUTE FUNCTION refuse_unsequenced();
CREATE TRIGGER log_entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log_entries
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER log_payloads_no_delete BEFORE DELETE OR TRUNCATE ON log_payloads
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER log_payloads_erase_only BEFORE UPDATE ON log_payloads
FOR EACH ROW EXECUTE FUNCTION refuse_unless_erasing();
"""
SQLITE_GUARDS = (
    "DROP TRIGGER pending_entries_no_DELETE",
    """
    CREATE TRIGGER pending_entries_sequenced BEFORE DELETE ON pending_entries
    WHEN NOT EXISTS (SELECT 1 FROM log_entries WHERE entry_id = OLD.entry_id)
    BEGIN SELECT RAISE(ABORT, 'pending_entries is append-only until sequenced'); END
    """,
    """
    CREATE TRIGGER log_entries_no_update BEFORE UPDATE ON log_entries
    BEGIN SELECT RAISE(ABORT, 'log_entries is append-only'); END
    """,
    """
    CREATE TRIGGER log_entries_no_delete BEFORE DELETE ON log_entries
    BEGIN SELECT RAISE(ABORT, 'log_entries is append-only'); END
    """,
    """
    CREATE TRIGGER log_payloads_no_delete BEFORE DELETE ON log_payloads
    BEGIN SELECT RAISE(ABORT, 'log_payloads is append-only'); END
    """,
    """
    CREATE TRIGGER log_payloads_erase_only BEFORE UPDATE ON log_payloads
    WHEN OLD.erased_by IS NOT NULL OR NEW.erased_by IS NULL OR NEW.header IS NOT NULL
      OR NEW.subject_sealed IS NOT NULL OR NEW.header_salt IS NOT NULL
      OR NEW.subject_salt IS NOT NULL OR NEW.signed_request IS NOT NULL
    BEGIN SELECT RAISE(ABORT, 'a payload may only be erased'); END
    """,
)
POSTGRESQL_DROP = """
DROP TRIGGER pending_entries_no_change ON pending_entries;
DROP TRIGGER pending_entries_sequenced ON pending_entries;
CREATE TRIGGER pending_entries_append_only
BEFORE UPDATE OR DELETE OR TRUNCATE ON pending_entries
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
DROP FUNCTION refuse_unsequenced();
"""
SQLITE_DROP = (
    "DROP TRIGGER pending_entries_sequenced",
    """
    CREATE TRIGGER pending_entries_no_DELETE BEFORE DELETE ON pending_entries
    BEGIN SELECT RAISE(ABORT, 'pending_entries is append-only'); END
    """,
)


def upgrade() -> None:
    op.add_column(
        "pending_entries",
        sa.Column("lookup_keys", sa.LargeBinary(), nullable=False, server_default=sa.text("''")),
    )
    op.create_table(
        "log_entries",
        sa.Column("log", sa.SmallInteger(), nullable=False),
        sa.Column("shard", sa.String(8), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("entry_id", sa.LargeBinary(16), nullable=False),
        sa.Column("entry", sa.LargeBinary(92), nullable=False),
        sa.PrimaryKeyConstraint("log", "shard", "position", name="pk_log_entries"),
        sa.UniqueConstraint("entry_id", name="uq_log_entries_entry_id"),
    )
    op.create_table(
        "log_tiles",
        sa.Column("log", sa.SmallInteger(), nullable=False),
        sa.Column("shard", sa.String(8), nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("log", "shard", "level", "number", name="pk_log_tiles"),
    )
    op.create_table(
        "log_heads",
        sa.Column("log", sa.SmallInteger(), nullable=False),
        sa.Column("shard", sa.String(8), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(32), nullable=False),
        sa.Column("published_size", sa.BigInteger(), nullable=False),
        sa.Column("checkpoint", sa.Text()),
        sa.Column("published_at", Instant()),
        sa.PrimaryKeyConstraint("log", "shard", name="pk_log_heads"),
    )
    op.create_table(
        "log_payloads",
        sa.Column("entry_id", sa.LargeBinary(16), nullable=False),
        sa.Column("header", sa.LargeBinary()),
        sa.Column("subject_sealed", sa.LargeBinary()),
        sa.Column("header_salt", sa.LargeBinary(32)),
        sa.Column("subject_salt", sa.LargeBinary(32)),
        sa.Column("signed_request", sa.Text()),
        sa.Column("erased_by", sa.LargeBinary(16)),
        sa.PrimaryKeyConstraint("entry_id", name="pk_log_payloads"),
    )
    op.create_table(
        "log_subjects",
        sa.Column("lookup_key", sa.LargeBinary(32), nullable=False),
        sa.Column("entry_id", sa.LargeBinary(16), nullable=False),
        sa.PrimaryKeyConstraint("lookup_key", "entry_id", name="pk_log_subjects"),
    )
    op.create_table(
        "sequencer_lease",
        sa.Column("id", sa.SmallInteger(), nullable=False),
        sa.Column("holder", sa.String(64), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sequencer_lease"),
    )
    _execute(POSTGRESQL_GUARDS, SQLITE_GUARDS)


def downgrade() -> None:
    _execute(POSTGRESQL_DROP, SQLITE_DROP)
    for table in (
        "sequencer_lease",
        "log_subjects",
        "log_payloads",
        "log_heads",
        "log_tiles",
        "log_entries",
    ):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_unless_erasing()")
    op.drop_column("pending_entries", "lookup_keys")


def _execute(postgresql: str, sqlite: tuple[str, ...]) -> None:
    if op.get_bind().dialect.name == "sqlite":
        for statement in sqlite:
            op.execute(statement)
    else:
        op.execute(postgresql)
