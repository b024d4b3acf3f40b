"""Everyone an indexed entry is about, not only the first identity it names."""

import sqlalchemy as sa
from alembic import op

revision: str = "0016"
down_revision: str | None = "0015"


def upgrade() -> None:
    op.create_table(
        "oversight_subjects",
        sa.Column("subject", sa.LargeBinary(32), nullable=False),
        sa.Column("entry_id", sa.LargeBinary(16), nullable=False),
        sa.PrimaryKeyConstraint("subject", "entry_id", name="pk_oversight_subjects"),
    )
    op.create_index("ix_oversight_subjects_entry_id", "oversight_subjects", ["entry_id"])
    # What is indexed already is known to the log.
    op.execute(
        "INSERT INTO oversight_subjects (subject, entry_id)"
        " SELECT log_subjects.lookup_key, log_subjects.entry_id FROM log_subjects"
        " JOIN oversight_index ON oversight_index.entry_id = log_subjects.entry_id"
    )


def downgrade() -> None:
    op.drop_table("oversight_subjects")
