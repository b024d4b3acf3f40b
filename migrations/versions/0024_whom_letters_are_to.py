"""Whom a letter is to, so that it goes when the person is erased; letters by incident."""

import sqlalchemy as sa
from alembic import op

revision: str = "0024"
down_revision: str | None = "0023"

FLAGGED = sa.text("flags IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "letter_subjects",
        sa.Column("lookup_key", sa.LargeBinary(32), nullable=False),
        sa.Column("letter_id", sa.LargeBinary(16), nullable=False),
        sa.PrimaryKeyConstraint("lookup_key", "letter_id", name="pk_letter_subjects"),
    )
    op.create_index("ix_letter_subjects_letter_id", "letter_subjects", ["letter_id"])
    op.create_index("ix_letters_incident_id", "letters", ["incident_id"])
    op.create_index("ix_import_problems_reference", "import_problems", ["reference"])
    op.create_index(
        "ix_standings_flagged",
        "standings",
        ["lookup_key"],
        postgresql_where=FLAGGED,
        sqlite_where=FLAGGED,
    )
    # Letters that still say something and go to a contact; of the others it was never noted.
    op.execute(
        "INSERT INTO letter_subjects (lookup_key, letter_id) SELECT contact_key, id FROM letters"
        " WHERE contact_key IS NOT NULL AND facts_sealed IS NOT NULL"
    )
    op.execute("UPDATE letters SET contact_key = NULL WHERE facts_sealed IS NULL")


def downgrade() -> None:
    op.drop_index("ix_standings_flagged", "standings")
    op.drop_index("ix_import_problems_reference", "import_problems")
    op.drop_index("ix_letters_incident_id", "letters")
    op.drop_table("letter_subjects")
