"""Settled settings: what of the configuration two people have confirmed, and what waits for that."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from alertd.tables import Instant, Number

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "settled",
        sa.Column("section", sa.String(100), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("said", sa.JSON(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("by", sa.String(200), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("section", name="pk_settled"),
    )
    op.create_table(
        "unsettled",
        sa.Column("section", sa.String(100), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("said", sa.JSON(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("seen_at", Instant(), nullable=False),
        sa.Column("agreed_by", Number, nullable=True),
        sa.Column("agreed_at", Instant(), nullable=True),
        sa.Column("alone_by", Number, nullable=True),
        sa.Column("alone_at", Instant(), nullable=True),
        sa.Column("alone_reason", sa.String(300), nullable=True),
        sa.ForeignKeyConstraint(["agreed_by"], ["operator.id"], name="fk_unsettled_agreed_by_operator"),
        sa.ForeignKeyConstraint(["alone_by"], ["operator.id"], name="fk_unsettled_alone_by_operator"),
        sa.PrimaryKeyConstraint("section", name="pk_unsettled"),
    )


def downgrade() -> None:
    op.drop_table("unsettled")
    op.drop_table("settled")
