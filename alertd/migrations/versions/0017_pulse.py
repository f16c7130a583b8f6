"""The pulse of relays and workers is in the database, so that every machine sees those of all."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from alertd.tables import Instant

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pulse",
        sa.Column("program", sa.String(80), nullable=False),
        sa.Column("process", sa.String(100), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("program", "process", name="pk_pulse"),
    )


def downgrade() -> None:
    op.drop_table("pulse")
