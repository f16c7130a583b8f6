"""What was tried for one person, found without reading the whole dispatch."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_delivery_person", "delivery", ["dispatch_id", "recipient_id"])
