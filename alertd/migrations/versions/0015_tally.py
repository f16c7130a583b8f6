"""The tally is counted from its index alone: a board of a million deliveries reads no row."""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_delivery_tally", "delivery")
    op.create_index(
        "ix_delivery_tally", "delivery", ["dispatch_id", "channel", "outcome", "reason", "answer", "due_at"]
    )


def downgrade() -> None:
    op.drop_index("ix_delivery_tally", "delivery")
    op.create_index("ix_delivery_tally", "delivery", ["dispatch_id", "channel", "outcome"])
