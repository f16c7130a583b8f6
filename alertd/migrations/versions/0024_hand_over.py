"""Shifts and sessions: the note at hand-over, why a session ended, and what an alert too many or too soon needs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from alertd.tables import Instant, Number

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    number = "BIGINT" if op.get_bind().dialect.name == "postgresql" else "INTEGER"
    op.add_column("dispatch", sa.Column("anew", sa.String(300), nullable=True))
    op.execute(
        f"ALTER TABLE dispatch ADD COLUMN permitted_by {number} "
        "CONSTRAINT fk_dispatch_permitted_by REFERENCES operator (id)"
    )
    op.add_column("dispatch", sa.Column("permitted_at", Instant(), nullable=True))
    op.add_column("session", sa.Column("network", sa.String(43), nullable=True))
    op.add_column("session", sa.Column("others_known_at", Instant(), nullable=True))
    op.add_column("session", sa.Column("ended_at", Instant(), nullable=True))
    op.add_column("session", sa.Column("ended_why", sa.String(16), nullable=True))
    op.create_table(
        "hand_over",
        sa.Column("id", Number, autoincrement=True, nullable=False),
        sa.Column("note", sa.String(2000), nullable=False),
        sa.Column("given_by", Number, nullable=False),
        sa.Column("given_at", Instant(), nullable=False),
        sa.Column("taken_by", Number, nullable=True),
        sa.Column("taken_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["given_by"], ["operator.id"], name="fk_hand_over_given_by"),
        sa.ForeignKeyConstraint(["taken_by"], ["operator.id"], name="fk_hand_over_taken_by"),
        sa.PrimaryKeyConstraint("id", name="pk_hand_over"),
    )


def downgrade() -> None:
    op.drop_table("hand_over")
    for name in ("ended_why", "ended_at", "others_known_at", "network"):
        op.drop_column("session", name)
    for name in ("permitted_at", "permitted_by", "anew"):
        op.drop_column("dispatch", name)
