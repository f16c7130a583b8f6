"""What visits at the door need: association and street, who answers a number, calls for help at once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table, column, length in (
        ("recipient", "association", 100),
        ("recipient", "street", 200),
        ("contact", "holder", 100),
    ):
        op.add_column(table, sa.Column(column, sa.String(length=length), server_default="", nullable=False))
    wanted = sa.text("answer = 'help'")
    op.create_index(
        "ix_delivery_help",
        "delivery",
        ["dispatch_id", "id"],
        sqlite_where=wanted,
        postgresql_where=wanted,
    )
