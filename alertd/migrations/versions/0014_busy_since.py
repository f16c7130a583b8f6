"""Since when a far end takes nothing because it is asked too often."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from alertd.tables import Instant

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("channel_state", sa.Column("busy_since", Instant(), nullable=True))


def downgrade() -> None:
    op.drop_column("channel_state", "busy_since")
