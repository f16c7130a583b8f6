"""Drills: what is scheduled, when it takes place, its messages, and the looks at it before it begins."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from alertd.tables import Instant

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def _number() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "drill",
        sa.Column("id", _number(), autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("document", sa.String(), nullable=False),
        sa.Column("once_at", Instant(), nullable=True),
        sa.Column("created_by", _number(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["created_by"], ["operator.id"], name=op.f("fk_drill_created_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drill")),
    )
    op.create_index(op.f("ix_drill_name"), "drill", ["name"], unique=False)
    op.create_table(
        "drill_occurrence",
        sa.Column("id", _number(), autoincrement=True, nullable=False),
        sa.Column("drill_id", _number(), nullable=False),
        sa.Column("starts_at", Instant(), nullable=False),
        sa.Column("prepared_at", Instant(), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("ending", sa.String(length=16), nullable=True),
        sa.Column("why", sa.String(length=500), nullable=True),
        sa.ForeignKeyConstraint(["drill_id"], ["drill.id"], name=op.f("fk_drill_occurrence_drill_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drill_occurrence")),
        sa.UniqueConstraint("drill_id", "starts_at", name=op.f("uq_drill_occurrence_drill_id_starts_at")),
    )
    for column in ("ended_at", "starts_at"):
        op.create_index(op.f(f"ix_drill_occurrence_{column}"), "drill_occurrence", [column], unique=False)
    op.create_table(
        "drill_step",
        sa.Column("id", _number(), autoincrement=True, nullable=False),
        sa.Column("occurrence_id", _number(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("part", sa.String(length=16), nullable=False),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("armed_by", _number(), nullable=True),
        sa.Column("armed_at", Instant(), nullable=True),
        sa.Column("armed_hash", sa.String(length=64), nullable=True),
        sa.Column("fired_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["armed_by"], ["operator.id"], name=op.f("fk_drill_step_armed_by")),
        sa.ForeignKeyConstraint(
            ["occurrence_id"], ["drill_occurrence.id"], name=op.f("fk_drill_step_occurrence_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drill_step")),
        sa.UniqueConstraint("occurrence_id", "position", name=op.f("uq_drill_step_occurrence_id_position")),
    )
    op.create_table(
        "drill_check",
        sa.Column("occurrence_id", _number(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("checked_at", Instant(), nullable=False),
        sa.Column("problems", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["occurrence_id"], ["drill_occurrence.id"], name=op.f("fk_drill_check_occurrence_id")
        ),
        sa.PrimaryKeyConstraint("occurrence_id", "minutes", name=op.f("pk_drill_check")),
    )
    number = "BIGINT" if op.get_bind().dialect.name == "postgresql" else "INTEGER"
    op.execute(
        f"ALTER TABLE dispatch ADD COLUMN drill_step_id {number} "
        "CONSTRAINT fk_dispatch_drill_step_id REFERENCES drill_step (id)"
    )
    op.create_index(op.f("ix_dispatch_drill_step_id"), "dispatch", ["drill_step_id"], unique=True)
