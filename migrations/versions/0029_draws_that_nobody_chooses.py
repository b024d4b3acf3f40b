"""The first checkpoint of a list is kept, and who is the appellant, or theirs, sits on no jury."""

import sqlalchemy as sa
from alembic import op

revision: str = "0029"
down_revision: str | None = "0028"


def upgrade() -> None:
    op.create_table(
        "first_checkpoints",
        sa.Column("entry_id", sa.LargeBinary(16), nullable=False),
        sa.Column("size", sa.BigInteger),
        sa.Column("checkpoint", sa.Text),
        sa.PrimaryKeyConstraint("entry_id", name="pk_first_checkpoints"),
    )
    # Lists that wait for a checkpoint now take the next one that is signed.
    op.execute(
        "INSERT INTO first_checkpoints (entry_id)"
        " SELECT entry_id FROM juries WHERE stage = 'listed' AND entry_id IS NOT NULL"
    )
    op.add_column(
        "juries",
        sa.Column("barred", sa.LargeBinary, nullable=False, server_default=sa.text("''")),
    )
    # SQLite takes the default for text, which is not read as bytes.
    barred = sa.table("juries", sa.column("barred", sa.LargeBinary))
    op.execute(sa.update(barred).values(barred=sa.bindparam("none", b"", type_=sa.LargeBinary)))


def downgrade() -> None:
    op.drop_column("juries", "barred")
    op.drop_table("first_checkpoints")
