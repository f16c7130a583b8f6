"""The maintenance mode: a freeze that ends by itself."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from alertd.tables import Instant

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("freeze", sa.Column("ends_at", Instant(), nullable=True))


def downgrade() -> None:
    op.drop_column("freeze", "ends_at")
