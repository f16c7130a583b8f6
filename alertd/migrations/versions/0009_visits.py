"""Receipts that people enter after a visit at the door, and that a later visit puts right."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from alertd.tables import Instant

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    number = "BIGINT" if op.get_bind().dialect.name == "postgresql" else "INTEGER"
    op.execute(
        f"ALTER TABLE receipt ADD COLUMN said_by {number} "
        "CONSTRAINT fk_receipt_said_by REFERENCES operator (id)"
    )
    op.add_column("receipt", sa.Column("withdrawn_at", Instant(), nullable=True))
