"""What is left of a dispatch whose deliveries were taken away: its counts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from alertd.tables import Instant, Number

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rolled_up",
        sa.Column("dispatch_id", Number, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("tallies", sa.JSON(), nullable=False),
        sa.Column("said", sa.JSON(), nullable=False),
        sa.Column("areas", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["dispatch_id"], ["dispatch.id"], name="fk_rolled_up_dispatch_id_dispatch"),
        sa.PrimaryKeyConstraint("dispatch_id", name="pk_rolled_up"),
    )


def downgrade() -> None:
    op.drop_table("rolled_up")
