"""What calls need: attempts that do not count, lines still in use, newer alerts, calls for help."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from alertd.tables import Instant

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _number() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    # no batch mode anywhere: it would make SQLite drop and copy tables that others refer to
    number = "BIGINT" if op.get_bind().dialect.name == "postgresql" else "INTEGER"
    op.execute(
        f"ALTER TABLE dispatch ADD COLUMN superseded_by_id {number} "
        "CONSTRAINT fk_dispatch_superseded_by_id REFERENCES dispatch (id)"
    )
    op.add_column("delivery", sa.Column("spared", sa.Integer(), server_default="0", nullable=False))
    op.add_column("delivery", sa.Column("line_until", Instant(), nullable=True))
    op.create_index(
        "ix_delivery_line",
        "delivery",
        ["channel", "line_until"],
        sqlite_where=sa.text("line_until IS NOT NULL"),
        postgresql_where=sa.text("line_until IS NOT NULL"),
    )
    op.create_table(
        "taking",
        sa.Column("delivery_id", _number(), nullable=False),
        sa.Column("taken_by", _number(), nullable=False),
        sa.Column("taken_at", Instant(), nullable=False),
        sa.Column("result", sa.String(length=16), nullable=True),
        sa.Column("note", sa.String(length=500), nullable=True),
        sa.Column("visited_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"], name=op.f("fk_taking_delivery_id")),
        sa.ForeignKeyConstraint(["taken_by"], ["operator.id"], name=op.f("fk_taking_taken_by")),
        sa.PrimaryKeyConstraint("delivery_id", name=op.f("pk_taking")),
    )
