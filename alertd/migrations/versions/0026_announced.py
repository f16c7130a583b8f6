"""Announced: which real alerts those who may approve were told of, and by which way."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from alertd.tables import Instant, Number

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "announced",
        sa.Column("dispatch_id", Number, nullable=False),
        sa.Column("way", sa.String(16), nullable=False),
        sa.Column("taken_until", Instant(), nullable=False),
        sa.Column("told_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["dispatch_id"], ["dispatch.id"], name="fk_announced_dispatch_id_dispatch"),
        sa.PrimaryKeyConstraint("dispatch_id", "way", name="pk_announced"),
    )


def downgrade() -> None:
    op.drop_table("announced")
