"""Airings: each use of a transmitter, and how far it is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from alertd.tables import Instant

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def _number() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("receipt", sa.Column("phase", sa.String(length=16), nullable=True))
    op.create_table(
        "airing",
        sa.Column("id", _number(), autoincrement=True, nullable=False),
        sa.Column("dispatch_id", _number(), nullable=False),
        sa.Column("delivery_id", _number(), nullable=False),
        sa.Column("channel", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(length=320), nullable=False),
        sa.Column("repeat", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("requested_at", Instant(), nullable=False),
        sa.Column("ends_by", Instant(), nullable=False),
        sa.Column("taken_off", sa.String(length=16), nullable=True),
        sa.Column("released_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"], name=op.f("fk_airing_delivery_id")),
        sa.ForeignKeyConstraint(["dispatch_id"], ["dispatch.id"], name=op.f("fk_airing_dispatch_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_airing")),
        sa.UniqueConstraint(
            "dispatch_id",
            "channel",
            "address",
            "repeat",
            name=op.f("uq_airing_dispatch_id_channel_address_repeat"),
        ),
    )
    op.create_index(op.f("ix_airing_delivery_id"), "airing", ["delivery_id"])
    op.create_index(
        "ix_airing_open",
        "airing",
        ["channel"],
        sqlite_where=sa.text("released_at IS NULL"),
        postgresql_where=sa.text("released_at IS NULL"),
    )
