"""Whether what leaves the queue has its place is asked once a statement, not once a row."""

from alembic import op

revision: str = "0018"
down_revision: str | None = "0017"

# The sequencer deletes twenty thousand rows a step; half of the database's work for
# that was a function call for each. Joined by the index whatever the planner thinks
# of a table it has no statistics of: log_entries may be a thousand times as long.
POSTGRESQL = """
DROP TRIGGER pending_entries_sequenced ON pending_entries;
CREATE FUNCTION refuse_any_unsequenced() RETURNS trigger LANGUAGE plpgsql
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM gone WHERE NOT EXISTS
               (SELECT 1 FROM log_entries WHERE log_entries.entry_id = gone.entry_id)) THEN
        RAISE EXCEPTION 'pending_entries is append-only until sequenced'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER pending_entries_sequenced AFTER DELETE ON pending_entries
REFERENCING OLD TABLE AS gone
FOR EACH STATEMENT EXECUTE FUNCTION refuse_any_unsequenced();
"""
POSTGRESQL_BEFORE = """
DROP TRIGGER pending_entries_sequenced ON pending_entries;
DROP FUNCTION refuse_any_unsequenced();
CREATE TRIGGER pending_entries_sequenced BEFORE DELETE ON pending_entries
FOR EACH ROW EXECUTE FUNCTION refuse_unsequenced();
"""


def upgrade() -> None:
    _on_postgresql(POSTGRESQL)


def downgrade() -> None:
    _on_postgresql(POSTGRESQL_BEFORE)


def _on_postgresql(statements: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(statements)
