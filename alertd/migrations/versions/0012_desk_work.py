"""Follow-ups, stops by channel, and drafts that are kept while somebody types."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from alertd.tables import Instant, Number

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    number = "BIGINT" if op.get_bind().dialect.name == "postgresql" else "INTEGER"
    op.execute(
        f"ALTER TABLE dispatch ADD COLUMN follows_id {number} "
        "CONSTRAINT fk_dispatch_follows_id REFERENCES dispatch (id)"
    )
    op.add_column("dispatch", sa.Column("follow_up", sa.String(length=16), nullable=True))
    op.add_column("dispatch", sa.Column("stops", sa.JSON(), server_default="{}", nullable=False))
    op.create_index("ix_dispatch_follows_id", "dispatch", ["follows_id"])
    op.create_table(
        "saved_draft",
        sa.Column("id", Number, autoincrement=True, nullable=False),
        sa.Column("token", sa.String(length=43), nullable=False),
        sa.Column("operator_id", Number, nullable=False),
        sa.Column("template", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("form", sa.JSON(), nullable=False),
        sa.Column("saved_at", Instant(), nullable=False),
        sa.Column("fresh_at", Instant(), nullable=False),
        sa.Column("settled_at", Instant(), nullable=True),
        sa.Column("dispatch_id", Number, nullable=True),
        sa.ForeignKeyConstraint(["operator_id"], ["operator.id"], name="fk_saved_draft_operator_id"),
        sa.ForeignKeyConstraint(["dispatch_id"], ["dispatch.id"], name="fk_saved_draft_dispatch_id"),
        sa.PrimaryKeyConstraint("id", name="pk_saved_draft"),
        sa.UniqueConstraint("token", name="uq_saved_draft_token"),
    )
    op.create_index("ix_saved_draft_settled_at", "saved_draft", ["settled_at"])
