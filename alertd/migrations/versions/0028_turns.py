"""Turns: to mark a hand-over writes no index any more; what a drain holds is found by its claims.

On PostgreSQL a receipt does not lock its delivery, and pages keep room for the mark. Whatever
is in somebody's hands during the upgrade is found again: a claim is noted for each owner.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from alertd.tables import Instant, Number

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_CHECK = "fk_receipt_delivery_id"
_INDEXES = ("ix_delivery_due", "ix_delivery_handed")


def upgrade() -> None:
    postgresql = op.get_context().dialect.name == "postgresql"
    op.create_table(
        "claim",
        sa.Column("id", Number, autoincrement=True, nullable=False),
        sa.Column("channel", sa.String(64), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("until", Instant(), nullable=False),
        sa.Column("deliveries", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_claim"),
    )
    for name in (*_INDEXES, "ix_delivery_owner"):
        op.drop_index(name, "delivery")
    # a constant default is written into no row: what was never tried keeps it
    op.add_column("delivery", sa.Column("turn", sa.Integer(), server_default="0", nullable=True))
    op.execute(
        "UPDATE delivery SET turn = CASE WHEN handed_at IS NULL THEN attempt END"
        " WHERE due_at IS NOT NULL AND (attempt > 0 OR handed_at IS NOT NULL)"
    )
    _indexes("turn", "turn IS NOT NULL", "turn IS NULL")
    noted = (
        "INSERT INTO claim (channel, owner, until, deliveries)"
        " SELECT channel, owner, min(claimed_until), json_agg(id) FROM delivery"
        " WHERE owner IS NOT NULL AND claimed_until IS NOT NULL GROUP BY channel, owner"
    )
    op.execute(noted if postgresql else noted.replace("json_agg", "json_group_array"))
    if postgresql:
        op.drop_constraint(_CHECK, "receipt", type_="foreignkey")
        op.execute("ALTER TABLE delivery SET (fillfactor = 40)")


def downgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        op.execute("ALTER TABLE delivery RESET (fillfactor)")
        op.create_foreign_key(_CHECK, "receipt", "delivery", ["delivery_id"], ["id"])
    for name in _INDEXES:
        op.drop_index(name, "delivery")
    op.drop_column("delivery", "turn")
    _indexes("attempt", "handed_at IS NULL", "handed_at IS NOT NULL")
    where = sa.text("owner IS NOT NULL")
    op.create_index("ix_delivery_owner", "delivery", ["owner"], sqlite_where=where, postgresql_where=where)
    op.drop_table("claim")


def _indexes(order: str, to_be_handed: str, handed: str) -> None:
    columns = (["channel", "priority", order, "due_at", "id"], ["channel", "due_at"])
    for name, of, which in zip(_INDEXES, columns, (to_be_handed, handed), strict=True):
        where = sa.text(f"due_at IS NOT NULL AND {which}")
        op.create_index(name, "delivery", of, sqlite_where=where, postgresql_where=where)
