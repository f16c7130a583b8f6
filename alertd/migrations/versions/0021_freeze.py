"""The freeze: who holds everything back, since when and why, and who has agreed to lift it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from alertd.tables import Instant, Number

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "freeze",
        sa.Column("scope", sa.String(16), nullable=False),
        sa.Column("set_by", Number, nullable=False),
        sa.Column("set_at", Instant(), nullable=False),
        sa.Column("reason", sa.String(300), nullable=False),
        sa.Column("lifted_by", Number, nullable=True),
        sa.Column("lifted_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["set_by"], ["operator.id"], name="fk_freeze_set_by_operator"),
        sa.ForeignKeyConstraint(["lifted_by"], ["operator.id"], name="fk_freeze_lifted_by_operator"),
        sa.PrimaryKeyConstraint("scope", name="pk_freeze"),
    )


def downgrade() -> None:
    op.drop_table("freeze")
