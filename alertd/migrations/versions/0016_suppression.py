"""Addresses that were erased after their owner left: no list brings them back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from alertd.tables import Instant

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "suppression",
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("address_key", sa.String(22), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "address_key", name="pk_suppression"),
    )
