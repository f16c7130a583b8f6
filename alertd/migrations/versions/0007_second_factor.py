"""What an emergency override needs: a second factor, a time to take it back, and a look afterwards."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from alertd.tables import Instant

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    number = "BIGINT" if op.get_bind().dialect.name == "postgresql" else "INTEGER"
    op.add_column("operator", sa.Column("second_factor", sa.String(length=300), nullable=True))
    op.add_column("operator", sa.Column("second_factor_step", sa.BigInteger(), nullable=True))
    op.add_column("dispatch", sa.Column("hold_until", Instant(), nullable=True))
    op.execute(
        f"ALTER TABLE dispatch ADD COLUMN reviewed_by {number} "
        "CONSTRAINT fk_dispatch_reviewed_by REFERENCES operator (id)"
    )
    op.add_column("dispatch", sa.Column("reviewed_at", Instant(), nullable=True))
