"""Link tests: when each far end was tried last, when it answered last, and what was wrong."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from alertd.tables import Instant

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("channel_state") as table:
        table.add_column(sa.Column("probed_at", Instant(), nullable=True))
        table.add_column(sa.Column("answered_at", Instant(), nullable=True))
        table.add_column(sa.Column("trouble", sa.String(length=500), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("channel_state") as table:
        for name in ("trouble", "answered_at", "probed_at"):
            table.drop_column(name)
